"""Where weights lie, how they are fetched and checked, and how packed ones are read."""
