"""`faceveil status OUT`: how far a run over many photos is, how fast, what failed, and which results are worst."""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from .parser import place_name
from .written import text_file


def add(verbs: argparse._SubParsersAction) -> None:
    parser = verbs.add_parser("status", help="how a run over many photos stands", description=__doc__)
    say = parser.add_argument
    say("out", type=place_name, metavar="OUT", help="the folder or URL that `protect -o` named")
    say("--worst", type=int, default=10, metavar="N", help="list the N worst cases (default: 10)")
    say("--csv", type=Path, metavar="FILE", help="write all rows as a table, the worst first")
    say("--jsonl", type=Path, metavar="FILE", help="the same as one JSON object a line")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Also while the run goes on, and after it was stopped."""
    from ..errors import InputError
    from ..many.ledger import DONE, FAILED, WAITING, Ledger
    from ..many.sources import open_place

    if options.worst < 0:
        raise InputError("--worst must be 0 or more.")
    with closing(Ledger(open_place(options.out).ledger_folder())) as ledger:
        counts, rate, (judged, protected, seconds) = ledger.counts(), ledger.rate(), ledger.totals()
        print(f"{sum(counts.values())} photos: " + ", ".join(f"{counts[s]} {s}" for s in (DONE, FAILED, WAITING)))
        if judged:
            print(f"{protected} of {judged} are no longer matched; {seconds / judged:.1f} s of work for each")
        if rate:
            rest = f", about {counts[WAITING] / rate:.1f} hours to go" if counts[WAITING] else ""
            print(f"{rate:.0f} photos an hour in the latest run{rest}")
        lines = [_line(row) for row in ledger.worst(options.worst) if row["state"] != WAITING]
        if lines:
            print("\n".join(["the worst cases:", *lines]))
        if options.csv:
            _write_csv(ledger.worst(), options.csv)
        if options.jsonl:
            _write_jsonl(ledger.worst(), options.jsonl)
    return 0


def _line(row: dict[str, object]) -> str:
    from ..images.photo import shown

    name = "/".join(shown(Path(part)) for part in str(row["target"]).split("/"))
    if row["reason"]:
        tries = "1 try" if row["attempts"] == 1 else f"{row['attempts']} tries"
        return f"  {name}: failed after {tries}: {str(row['reason']).strip().splitlines()[-1]}"
    if row["margin"] is None:
        return f"  {name}: done"
    verdict = "no longer matched" if row["protected"] else "still matched"
    side = "above" if row["margin"] > 0 else "below"
    return f"  {name}: {verdict}, {abs(row['margin']):.3f} {side} the threshold, SSIM {row['ssim']:.3f}"


def _write_csv(rows: Iterable[dict[str, object]], path: Path) -> None:
    with text_file(path) as file:
        writer = None
        for row in rows:
            if writer is None:
                writer = csv.DictWriter(file, row)
                writer.writeheader()
            writer.writerow(row)


def _write_jsonl(rows: Iterable[dict[str, object]], path: Path) -> None:
    with text_file(path) as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")
