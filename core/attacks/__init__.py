"""What an opponent does to a protected face before asking whose it is, and what they learn from many of them."""
