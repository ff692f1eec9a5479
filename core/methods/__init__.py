"""What is done to a photo: the strengths, both published methods, the guard inside a sampler, editing."""
