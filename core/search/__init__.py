"""How a veil is found: what is asked of a change, from whom, and with which weights."""
