"""Where a picture comes from: the path between it and noise, run either way by one family of solvers."""
