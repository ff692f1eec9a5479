"""`faceveil veil apply | curve | learn`: what changes a face, worn, looked at, and learned from several photos."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from .judging import add_online
from .options import (
    add_device,
    add_faces,
    add_far,
    add_judging,
    add_protecting,
    load_judges,
    load_sides,
    pick_device,
    progress_bar,
    refuse_overwriting,
    settle_surrogates,
)
from .parser import Verbs, output_path, positive, text_path
from .pictures import naming, read_faces
from .telling import tell
from .veiling import amount

if TYPE_CHECKING:
    from ..faces.face import Sitter


def add(verbs: Verbs) -> None:
    parser = verbs.add_parser("veil", help="wear, look at and learn veils", description=__doc__)
    ways = parser.add_subparsers(dest="way", metavar="apply|curve|learn", required=True)
    _add_apply(ways)
    _add_curve(ways)
    _add_learn(ways)


def _add_apply(ways: Verbs) -> None:
    parser = ways.add_parser(
        "apply", help="a photo wears a veil", description="A photo wears a veil, without a search."
    )
    say = parser.add_argument
    say("photo", type=Path, metavar="PHOTO")
    _add_worn(parser)
    say("-o", "--out", type=output_path, required=True, help="the picture to write")
    say("--amount", type=amount, default=1.0, help="0 nothing, 1 as it was found (default), up to 1.5")
    say("--keep-metadata", action="store_true", help="keep EXIF, place and camera included")
    parser.set_defaults(run=_apply)


def _add_curve(ways: Verbs) -> None:
    about = "Similarity and looks over the amount of a veil: what to choose by."
    parser = ways.add_parser("curve", help="similarity and looks over the amount", description=about)
    parser.add_argument("photo", type=Path, metavar="PHOTO")
    _add_worn(parser)
    parser.add_argument("-o", "--plot", type=output_path, metavar="FILE.png", help="also draw it")
    parser.add_argument(
        "--gallery", nargs="+", type=Path, default=[], metavar="IMG", help="other photos of the same person"
    )
    parser.add_argument(
        "--judge", nargs="+", default=["auto"], metavar="NAME_OR_FILE", help="who compares (default: auto)"
    )
    add_online(parser)
    add_far(parser, "false-accept rate of the thresholds")
    add_device(parser)
    parser.set_defaults(run=_curve)


def _add_learn(ways: Verbs) -> None:
    about = "One veil for all of these photos of one person; new photos of that person wear it without a search."
    parser = ways.add_parser("learn", help="one veil from several photos of a person", description=about)
    say = parser.add_argument
    say("photos", nargs="+", type=Path, metavar="PHOTO", help="photos of ONE person; the largest face of each is taken")
    say("-o", "--out", type=text_path, required=True, metavar="FILE.veil", help="the veil to write")
    say(
        "--folds",
        type=positive,
        metavar="K",
        help="learn K times more, each time without a part of the photos, and say what the veil does on those",
    )
    add_protecting(parser)
    add_judging(parser)
    add_device(parser)
    parser.set_defaults(run=_learn)


def _add_worn(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--veil", type=Path, required=True, metavar="FILE", help="the veil")
    add_faces(parser)


def _apply(options: argparse.Namespace) -> int:
    from ..images import check_target, read_photo, write_photo
    from ..photo.api import apply_veil
    from ..veil.files import load_veil

    refuse_overwriting([options.out], [options.photo, options.veil])
    photo, veil = read_photo(options.photo), load_veil(options.veil)
    check_target(options.out, [options.photo], photo)
    with naming("photo", options.photo):
        worn = apply_veil(photo, veil, options.amount, faces=options.faces, detector=options.detector)
    write_photo(worn, options.out, keep_metadata=options.keep_metadata, sources=[options.photo])
    tell(f"{options.photo.name} -> {options.out}", "note: nobody was asked; see: faceveil verify, faceveil veil curve")
    return 0


def _curve(options: argparse.Namespace) -> int:
    from ..images import check_target
    from ..recognisers.automatic import expand
    from ..veil.files import load_veil
    from ..verdict.curve import write_curve
    from ..verdict.veils import table, trade_off
    from ..verdict.verify import Witness

    refuse_overwriting([options.plot], [options.photo, options.veil, *options.gallery])
    if options.plot:
        check_target(options.plot, [options.photo])
    device, veil = pick_device(options.device), load_veil(options.veil)
    which = options.faces if options.faces != "all" else "largest"
    ((picture, face),) = _sitters([options.photo], which, options.detector, device)
    judges = load_judges(options, expand(options.judge, far=options.far), device)
    witnesses = [Witness(judge) for judge in judges]
    gallery = read_faces(options.gallery, device)
    with progress_bar("amount", options.photo.name) as bar:
        points = trade_off(picture, face, veil, witnesses, gallery, options.far, on_step=bar)
    if options.plot:
        write_curve(points, options.plot, sources=[options.photo])
    tell(*table(points), *(sent.words() for judge in judges if (sent := judge.sent(options.far))))
    return 0


def _learn(options: argparse.Namespace) -> int:
    from ..errors import InputError
    from ..methods.recipes import choose
    from ..search.learn import learn
    from ..veil.files import save_veil
    from ..veil.veil import Veil
    from ..verdict.veils import in_words, left_out
    from ..verdict.verify import witnesses_of

    settle_surrogates(options)
    refuse_overwriting([options.out], options.photos)
    device, recipe = pick_device(options.device), choose(options.strength)
    if options.folds is not None and not 2 <= options.folds <= len(options.photos):
        raise InputError(f"--folds is from 2 to the number of photos, {len(options.photos)}.")
    surrogates, judges = load_sides(options, device)
    sitters = _sitters(options.photos, "largest", options.detector, device)

    def found(some: list[Sitter], title: str) -> Veil:
        with progress_bar("it", title) as bar:
            done = learn(some, surrogates, recipe, options.seed, lambda step, objective: bar(step.index + 1, step.of))
        return done.veil

    veil = found(sitters, options.out.name)
    save_veil(veil, options.out)
    tell(f"{len(sitters)} photos -> {options.out}")
    if options.folds:
        witnesses = witnesses_of(surrogates, judges)
        tell(*in_words(left_out(sitters, options.folds, lambda some: found(some, "left out"), witnesses, options.far)))
        tell(*(sent.words() for judge in judges if (sent := judge.sent(options.far))))
    return 0


def _sitters(paths: list[Path], which: str, detector: str, device: str) -> list[Sitter]:
    """Every photo with the one face of it that is meant."""
    from ..faces.find import find_faces
    from ..images import read_photo, to_bchw

    sitters = []
    for path in paths:
        picture = to_bchw(read_photo(path).pixels).to(device)
        with naming("photo", path):
            sitters.append((picture, find_faces(picture, which=which, detector=detector)[0].to(device)))
    return sitters
