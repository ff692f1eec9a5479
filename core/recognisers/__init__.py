"""Who is this? Face-recognition networks, how they are loaded, and what their similarities mean."""
