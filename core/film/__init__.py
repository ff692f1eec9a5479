"""A film: faces followed from frame to frame, one veil for each person and shot, frames streamed."""
