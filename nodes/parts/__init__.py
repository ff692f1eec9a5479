"""What several nodes share. Below the adapters and the nodes: it imports neither."""
