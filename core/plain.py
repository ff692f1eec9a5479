"""Text of strangers (names of files and networks, messages of libraries) made fit for one line of a terminal."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_SLIP = 0.75
"""How alike two names are that differ by a slip of the fingers (difflib's ratio); names of other things are less so."""


def plain(text: object) -> str:
    """Without what would move the cursor, begin a line, turn the direction of writing, or is no text at all."""
    return "".join(c if c.isprintable() else "?" for c in str(text))


def first_line(error: BaseException) -> str:
    """What an error says in its first line; its kind where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def reason_of(error: object) -> str:
    """Why something failed: the system's own words where there are any, else the error's."""
    return getattr(error, "strerror", None) or str(error).strip() or type(error).__name__


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about a name that nothing has: what was probably meant, or nothing at all."""
    close = difflib.get_close_matches(name, list(known), 1, _SLIP)
    return f" Did you mean '{plain(close[0])}'?" if close else ""
