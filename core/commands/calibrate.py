"""`faceveil calibrate DIR --recogniser NAME`: measure thresholds on pairs of photos (DIR/a/NAME, DIR/b/NAME)."""

from __future__ import annotations

import argparse
from pathlib import Path

from .options import add_device, pick_device, progress_bar
from .parser import Verbs
from .telling import tell


def add(verbs: Verbs) -> None:
    parser = verbs.add_parser(
        "calibrate", help="measure a recogniser's thresholds on your own pairs", description=__doc__
    )
    parser.add_argument("folder", type=Path, help="holds a/ and b/: the same people under the same file names")
    parser.add_argument("--recogniser", required=True, metavar="NAME_OR_FILE")
    parser.add_argument("--dry-run", action="store_true", help="measure and print, store nothing")
    add_device(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from ..recognisers.calibrate import calibrate, store
    from ..recognisers.catalogue import find, load_recogniser

    device = pick_device(options.device)
    recogniser = load_recogniser(options.recogniser).to(device)
    with progress_bar(unit="pair") as show:
        result = calibrate(recogniser, options.folder, show, device)
    lines = [f"{recogniser.name}: {result.genuine} pairs, {result.impostors} cross pairs"]
    for rate, threshold in result.thresholds.items():
        lines.append(f"  FAR {rate}: threshold {threshold:.4f}, true-accept rate {result.tar[rate]:.3f}")
    if result.without_face:
        lines.append(f"  left out, no face found: {', '.join(result.without_face)}")
    if not options.dry_run:
        lines.append(f"  stored in {store(recogniser, find(options.recogniser).path, result, options.folder)[1]}")
    tell(*lines)
    return 0
