"""Which recognisers to protect against when none is named: one of each family that may be used here."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence

from ..errors import InputError
from .catalogue import Entry, entries, find, load_recogniser
from .judge import Judge
from .recogniser import Recogniser

AUTO = "auto"
DEFAULT_RATE = "1e-2"


def research_allowed() -> bool:
    """Whether whoever runs this says that networks for research alone may be used (FACEVEIL_RESEARCH=1)."""
    return os.environ.get("FACEVEIL_RESEARCH", "") not in ("", "0")


def automatic(far: str = DEFAULT_RATE, research: bool = False, spared: Collection[str] = ()) -> list[str]:
    """The names of all that are built in, and of the strongest installed one of each further family.

    Networks whose licence forbids commercial use, or does not say, take part only with `research`; those without a
    threshold at the rate `far` never do. Families in `spared` are kept for judging.
    """
    usable = [entry for entry in entries() if entry.state == "built in" or _why_not(entry, far, research) is None]
    chosen: dict[str, Entry] = {}
    for entry in sorted(usable, key=lambda entry: _strength(entry, far), reverse=True):
        chosen.setdefault(entry.family, entry)
    names = [entry.name for entry in usable if entry in chosen.values() and entry.family not in spared]
    if not names:
        raise InputError(
            "Everybody who could be protected against is to judge. Name fewer judges, or whom to protect against."
        )
    return names


def left_out(far: str = DEFAULT_RATE, research: bool = False) -> dict[str, str]:
    """Installed recognisers that take part only when they are named, with the reason for each."""
    here = [entry for entry in entries() if entry.state == "installed"]
    return {entry.name: why for entry in here if (why := _why_not(entry, far, research)) is not None}


def expand(
    names: Sequence[str], judges: Iterable[str] = (), far: str = DEFAULT_RATE, research: bool = False
) -> list[str]:
    """The names with "auto" replaced by whom it stands for; the judges' families are kept for judging."""
    if AUTO not in names:
        return list(names)
    found = automatic(far, research, {find(name).family for name in judges})
    return list(dict.fromkeys(one for name in names for one in (found if name == AUTO else [name])))


def load_automatic(far: str = DEFAULT_RATE, judges: Iterable[Judge] = ()) -> tuple[Recogniser, ...]:
    """`automatic`, loaded; the judges' families are kept for judging."""
    return tuple(load_recogniser(name) for name in automatic(far, spared={judge.family for judge in judges}))


def _why_not(entry: Entry, far: str, research: bool) -> str | None:
    """Why an installed recogniser takes no part by itself."""
    card = entry.card
    if entry.state != "installed":
        return "it is not here"
    if card is None:
        return "its file cannot be read"
    if not card.commercial and not (research or research_allowed()):
        return "its licence is for research" if card.commercial is False else "its licence does not allow every use"
    if far not in card.thresholds:
        return f"it has no threshold at {far} (measure one: faceveil calibrate)"
    return None


def _strength(entry: Entry, far: str) -> tuple[bool, float, int]:
    """What to sort by: built-in ones first, for their thresholds are known; then the true-accept rate, then the file's
    size."""
    size = entry.path.stat().st_size if entry.path else 0
    return entry.state == "built in", entry.card.tar.get(far, 0.0) if entry.card else 0.0, size
