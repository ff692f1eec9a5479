"""How visible is the change? Differences between two pictures as a person would see them."""
