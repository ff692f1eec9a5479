"""Options that have to do with veils, of the verbs that search or wear one."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from ..plain import plain
from .denoising import pick_recipe
from .options import STRENGTHS
from .parser import count, text_path

if TYPE_CHECKING:
    from ..recognisers.judge import Judge
    from ..search.recipe import Recipe
    from ..veil.veil import Veil
    from ..veil.whose import Owned, Whose


def add_veil(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("veils (see also: faceveil veil)")
    say = group.add_argument
    say(
        "--veil",
        type=veil_and_photo,
        action="append",
        default=[],
        metavar="FILE[=PHOTO]",
        help="wear this veil instead of searching for one. Several times: FILE=PHOTO says by a photo whose each veil "
        "is, compared on this machine; FILE alone is the next face's, the largest first",
    )
    say(
        "--refine",
        type=count,
        default=0,
        metavar="N",
        help="with --veil: search on from it, N iterations at the most (default: 0, wear it as it is)",
    )
    say("--save-veil", type=text_path, metavar="FILE", help="keep what changed the face, for other photos and films")


def veil_and_photo(text: str) -> tuple[Path, ...]:
    """A veil's file, and the photo of whose it is where one is named. A name may hold an equals sign."""
    if "=" not in text or os.path.exists(text):  # noqa: PTH110 (Path raises for a name too long)
        return (Path(text),)
    signs = [at for at, letter in enumerate(text) if letter == "="]
    at = next((at for at in signs if os.path.isfile(text[:at])), signs[0])  # noqa: PTH113
    veil, photo = text[:at], text[at + 1 :]
    if not veil or not photo:
        raise argparse.ArgumentTypeError(f"'{plain(text)[:80]}' is no FILE=PHOTO: one of the two names is empty")
    return Path(veil), Path(photo)


def veil_and_recipe(options: argparse.Namespace) -> tuple[Veil | None, list[Owned], Recipe]:
    """The one veil that is worn or begun with, or several with whose they are, and the recipe that the options name, or
    else the one it was found with."""
    from ..images import read_photo, to_bchw
    from ..veil.files import load_veil
    from ..veil.whose import Owned

    recipe = pick_recipe(options)
    if options.refine and not options.veil:
        raise InputError("--refine goes on from a veil: name it with --veil FILE.")
    if len(options.veil) == 1 and len(options.veil[0]) == 1:
        veil = load_veil(options.veil[0][0])
        if not (options.strength or options.recipe) and veil.origin.recipe in STRENGTHS:
            recipe = pick_recipe(argparse.Namespace(**{**vars(options), "strength": veil.origin.recipe}))
        return veil, [], recipe
    if options.veil and (options.refine or options.save_veil):
        what = "--refine goes on from" if options.refine else "--save-veil keeps"
        raise InputError(
            f"{what} one veil, and several are worn: leave it out, or protect one face at a time (--faces)."
        )
    owned = []
    for path, *photos in options.veil:
        photo = to_bchw(read_photo(photos[0]).pixels) if photos else None
        owned.append(Owned(load_veil(path), photo, photos[0].name if photos else path.name))
    return None, owned, recipe


def whose(owned: list[Owned], judges: Sequence[Judge], far: str, device: str) -> Whose | None:
    """Several veils with whose they are; None where there is one, or none. Services are not asked: nothing is sent."""
    from ..recognisers.recogniser import Recogniser
    from ..veil.whose import Whose

    recognisers = [each for each in judges if isinstance(each, Recogniser)]
    there = [replace(each, photo=each.photo.to(device)) if each.photo is not None else each for each in owned]
    return Whose(there, recognisers, far) if owned else None


def amount(text: str) -> float:
    from ..veil.veil import MOST

    try:
        if 0 <= float(text) <= MOST:
            return float(text)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"'{text[:40]}' is no amount from 0 (nothing) over 1 (as found) to {MOST}")
