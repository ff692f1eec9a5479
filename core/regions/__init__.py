"""Which part of a face? Words, landmarks, parsers and sentences, each to a mask."""
