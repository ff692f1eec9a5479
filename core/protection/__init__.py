"""Making a portrait unmatchable: what may change, what is asked of it, and the one loop that finds it."""
