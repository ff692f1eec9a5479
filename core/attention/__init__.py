"""Listening to attention, and a loss upon what is heard."""
