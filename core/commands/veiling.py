"""Options that have to do with veils, of the verbs that search or wear one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from .denoising import pick_recipe
from .options import STRENGTHS
from .parser import count, text_path

if TYPE_CHECKING:
    from ..protection.recipe import Recipe
    from ..veil.veil import Veil


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
    say("--save-veil", type=text_path, metavar="FILE", help="keep what changed the face, for other photos and films")


def veil_and_recipe(options: argparse.Namespace) -> tuple[Veil | None, Recipe]:
    """The veil that is worn or begun with, and the recipe that the options name, or else the one it was found with."""
    from ..veil.files import load_veil

    veil = load_veil(options.veil) if options.veil else None
    recipe = pick_recipe(options)
    if veil and not (options.strength or options.recipe) and veil.origin.recipe in STRENGTHS:
        recipe = pick_recipe(argparse.Namespace(**{**vars(options), "strength": veil.origin.recipe}))
    if options.refine and not veil:
        raise InputError("--refine goes on from a veil: name it with --veil FILE.")
    return veil, recipe


def amount(text: str) -> float:
    from ..veil.veil import MOST

    try:
        if 0 <= float(text) <= MOST:
            return float(text)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"'{text[:40]}' is no amount from 0 (nothing) over 1 (as found) to {MOST}")
