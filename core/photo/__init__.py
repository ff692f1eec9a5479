"""A photo protected, or edited and protected, with its verdict, for the nodes, the API and the command line."""
