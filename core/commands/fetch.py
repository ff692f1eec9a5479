"""`faceveil fetch NAME`: download known weights, checked against their checksum. Nothing else ever downloads."""

from __future__ import annotations

import argparse

from .options import progress_bar
from .parser import Verbs
from .telling import tell


def add(verbs: Verbs) -> None:
    parser = verbs.add_parser("fetch", help="download known weights, with a checksum", description=__doc__)
    parser.add_argument("name", nargs="?", help="leave out to list what can be fetched")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from ..model_files.fetch import DOWNLOADS, fetch

    if options.name is None:
        for name, download in DOWNLOADS.items():
            tell(f"{name:<12} {', '.join(file for file, _ in download.files)}  ({download.licence})")
        return 0
    with progress_bar(unit="B") as show:
        files = fetch(options.name, show)
    tell(f"{options.name}: {DOWNLOADS[options.name].licence}", *(f"  {file}" for file in files))
    return 0
