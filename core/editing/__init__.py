"""Editing a portrait along a generator's own trajectory, with or without protection on the way."""
