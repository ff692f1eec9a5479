"""`faceveil recognisers`: which face recognisers are here, and which could be."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from .parser import Verbs
from .telling import tell

if TYPE_CHECKING:
    from ..recognisers.catalogue import Entry

_HEAD = ("NAME", "STATE", "FAMILY", "AT FAR 1e-2", "LICENCE")


def add(verbs: Verbs) -> None:
    parser = verbs.add_parser("recognisers", help="list the face recognisers that are here", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from ..recognisers.catalogue import entries
    from ..services.catalogue import service_names

    known = entries()
    if options.json:
        tell(*json.dumps([entry.as_dict() for entry in known], indent=1).splitlines())
        return 0
    rows = [_HEAD, *(_cells(entry) for entry in known)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    tell(*("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows))
    tell(f"Services that can judge too, each with a key of yours and --online: {', '.join(service_names())}.")
    return 0


def _cells(entry: Entry) -> tuple[str, ...]:
    card = entry.card
    if card is None:
        return entry.name, entry.state, "-", "-", "not stated"
    threshold = card.thresholds.get("1e-2")
    shown = "-" if threshold is None else f"{threshold:.3f}"
    licence = (card.licence or "not stated") + ("  (no commercial use)" if card.commercial is False else "")
    return entry.name, entry.state, card.family or "-", shown, licence
