"""Text of strangers (names of files and networks, messages of libraries) made fit for one line of a terminal."""

from __future__ import annotations


def plain(text: object) -> str:
    """Without what would move the cursor, begin a line, turn the direction of writing, or is no text at all."""
    return "".join(c if c.isprintable() else "?" for c in str(text))
