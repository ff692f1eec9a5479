"""Many photos, on one machine or on many: where they lie, who works on them, and what became of each."""
