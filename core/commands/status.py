"""`faceveil status OUT`: how far a run over many photos is, how fast, what failed, and which results are worst."""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .options import refuse_overwriting
from .parser import Verbs, count, place_name, text_path
from .telling import tell
from .written import text_file

if TYPE_CHECKING:
    from ..many.ledger import Ledger
    from ..many.places import Place


def add(verbs: Verbs) -> None:
    parser = verbs.add_parser("status", help="how a run over many photos stands", description=__doc__)
    say = parser.add_argument
    say("out", type=place_name, metavar="OUT", help="the folder or URL that `protect -o` named")
    say("--worst", type=count, default=10, metavar="N", help="list the N worst cases (default: 10)")
    say("--csv", type=text_path, metavar="FILE", help="write all rows as a table, the worst first")
    say("--jsonl", type=text_path, metavar="FILE", help="the same as one JSON object a line")
    say("--check", action="store_true", help="read every result, and have those done again that are not as written")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Also while the run goes on, and after it was stopped."""
    from ..many.ledger import DONE, FAILED, WAITING, Ledger
    from ..many.sources import open_place

    out = open_place(options.out)
    refuse_overwriting([options.csv, options.jsonl], [])
    bad = _check(out) if options.check else 0
    with closing(Ledger(out.ledger_folder())) as ledger:
        _refuse_losing(ledger, [path for path in (options.csv, options.jsonl) if path])
        counts, rate, (judged, protected, seconds) = ledger.counts(), ledger.rate(), ledger.totals()
        tell(f"{sum(counts.values())} photos: " + ", ".join(f"{counts[s]} {s}" for s in (DONE, FAILED, WAITING)))
        if judged:
            tell(f"{protected} of {judged} are no longer matched; {seconds / judged:.1f} s of work for each")
        if rate:
            rest = f", about {counts[WAITING] / rate:.1f} hours to go" if counts[WAITING] else ""
            tell(f"{rate:.0f} photos an hour in the latest run{rest}")
        tell(*_older(ledger.versions()))
        lines = [_line(row) for row in ledger.worst(options.worst) if row["state"] != WAITING]
        tell(*(["the worst cases:", *lines] if lines else []))
        if options.csv:
            _write_csv(ledger.worst(), options.csv)
        if options.jsonl:
            _write_jsonl(ledger.worst(), options.jsonl)
    return 2 if bad else 0


def _check(out: Place) -> int:
    """How many results are not what was written; they are told, and noted down as to be done."""
    from ..many.checking import spoilt
    from ..many.ledger import Ledger

    with closing(Ledger(out.ledger_folder())):
        pass  # where there is no record, none is to be made
    with closing(Ledger(out.ledger_folder(), for_writing=True)) as ledger:
        found = list(spoilt(ledger, out))
        ledger.spoil(target for target, _ in found)
    if found:
        broken = "1 result is not as it was" if len(found) == 1 else f"{len(found)} results are not as they were"
        tell(f"{broken} written; the same command makes up for it:")
        tell(*(f"  {target} {what}" for target, what in found))
    else:
        tell("all results are as they were written")
    return len(found)


def _refuse_losing(ledger: Ledger, files: list[Path]) -> None:
    """A table over a photo or the ledger itself would be the end of it. Results, and nearly all photos, are safe by
    their suffix; a photo that was named by itself may have any."""
    from ..errors import OutputError
    from ..many.sparing import Inputs

    if not files:
        return
    spared = Inputs([*(Path(row.source) for row in ledger.known().values()), *ledger.path.parent.glob("*")])
    for path in files:
        if path in spared:
            raise OutputError(f"{path} belongs to the run and will not be overwritten: take another name.")


def _older(versions: dict[str, int]) -> list[str]:
    from ..version import version

    return [
        f"{count} {'results were' if count > 1 else 'result was'} made by version {made or 'unknown'}, which is not "
        f"this one ({version()}): the same command does them again"
        for made, count in versions.items()
        if made != version()
    ]


def _line(row: dict[str, Any]) -> str:
    name = row["target"]
    if row["reason"]:
        tries = "1 try" if row["attempts"] == 1 else f"{row['attempts']} tries"
        return f"  {name}: failed after {tries}: {str(row['reason']).strip().splitlines()[-1]}"
    if row["margin"] is None:
        return f"  {name}: done"
    verdict = "no longer matched" if row["protected"] else "still matched"
    side = "above" if row["margin"] > 0 else "below"
    looks = "" if row["ssim"] is None else f", SSIM {row['ssim']:.3f}"
    return f"  {name}: {verdict}, {abs(row['margin']):.3f} {side} the threshold{looks}"


def _write_csv(rows: Iterable[dict[str, Any]], path: Path) -> None:
    with text_file(path) as file:
        writer = None
        for row in rows:
            if writer is None:
                writer = csv.DictWriter(file, row)
                writer.writeheader()
            writer.writerow(row)


def _write_jsonl(rows: Iterable[dict[str, Any]], path: Path) -> None:
    with text_file(path) as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")
