"""Evidence: methods compared on the same photos by recognisers that took no part, and what it all cost."""
