"""Options that have to do with veils, of the verbs that search or wear one."""

from __future__ import annotations

import argparse
from pathlib import Path

from .parser import count, text_path


def add_veil(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("veils (see also: faceveil veil)")
    say = group.add_argument
    say("--veil", type=Path, metavar="FILE", help="wear this veil instead of searching for one")
    say(
        "--refine",
        type=count,
        default=0,
        metavar="N",
        help="with --veil: search on from it, N iterations at the most (default: 0, wear it as it is)",
    )
    say("--save-veil", type=veil_path, metavar="FILE", help="keep what changed the face, for other photos and films")


def veil_path(text: str) -> Path:
    """A veil to write."""
    return text_path(text)


def amount(text: str) -> float:
    try:
        if 0 <= float(text) <= 1.5:
            return float(text)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"'{text[:40]}' is no amount from 0 (nothing) over 1 (as found) to 1.5")
