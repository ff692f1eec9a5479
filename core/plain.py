"""Text of strangers (names of files and networks, messages of libraries) made fit for one line of a terminal."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_SLIP = 0.75
"""How alike two names are that differ by a slip of the fingers (difflib's ratio); names of other things are less so."""


def plain(text: object) -> str:
    """Without what would move the cursor, begin a line, turn the direction of writing, or is no text at all."""
    return "".join(c if c.isprintable() else "?" for c in str(text))


def meant(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about a name that nothing has: what was probably meant, or nothing at all."""
    close = difflib.get_close_matches(name, list(known), 1, _SLIP)
    return f" Did you mean '{plain(close[0])}'?" if close else ""
