"""What happens to a posted picture: re-encoding, resizing and the like, for real and differentiable."""
