"""`faceveil recognisers`: which face recognisers are here, and which could be."""

from __future__ import annotations

import argparse
import json


def add(verbs: argparse._SubParsersAction) -> None:
    parser = verbs.add_parser("recognisers", help="list the face recognisers that are here", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from ..recognisers.catalogue import entries

    known = entries()
    if options.json:
        print(json.dumps([entry.as_dict() for entry in known], indent=1))
        return 0
    print(f"{'NAME':<18}{'STATE':<11}{'FAMILY':<15}{'AT FAR 1e-2':<13}{'LICENCE'}")
    for entry in known:
        card = entry.card
        threshold = card.thresholds.get("1e-2") if card else None
        shown = f"{threshold:.3f}" if threshold is not None else "-"
        licence = (card.licence if card else "") or "not stated"
        if card is not None and card.commercial is False:
            licence += "  (no commercial use)"
        print(f"{entry.name:<18}{entry.state:<11}{(card.family if card else '') or '-':<15}{shown:<13}{licence}")
    return 0
