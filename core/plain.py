"""Text from elsewhere (names of files and networks, messages of libraries) made safe for one line of a terminal."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_SLIP = 0.75
"""difflib's ratio above which one name counts as a mistyped other one."""


def plain(text: object) -> str:
    """The text with '?' for every unprintable character: nothing in it moves the cursor or begins a line."""
    return "".join(c if c.isprintable() else "?" for c in str(text))


def first_line(error: BaseException) -> str:
    """What an error says in its first line; its kind where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def reason_of(error: object) -> str:
    """Why something failed: the system's own words where there are any, else the error's."""
    return getattr(error, "strerror", None) or str(error).strip() or type(error).__name__


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """What an error about an unknown name ends with: the known name that is closest, or nothing where none is close."""
    close = difflib.get_close_matches(name, list(known), 1, _SLIP)
    return f" Did you mean '{plain(close[0])}'?" if close else ""
