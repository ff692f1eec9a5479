"""`faceveil protect PHOTO ... -o OUT`: photos come back that recognisers no longer match, and people still do.

PHOTO is a file, a folder with everything below it, a glob in quotation marks, or a URL such as s3://bucket/folder.
"""

from __future__ import annotations

import argparse
import json
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from .denoising import add_denoising, makeup_terms, pick_engines, pick_recipe
from .many import add_many, protect_many
from .options import (
    add_device,
    add_judging,
    add_protecting,
    load_sides,
    pick_device,
    progress_bar,
    refuse_overwriting,
)
from .parser import output_path, place_name
from .pictures import naming, notes_on, read_faces
from .written import text_file

if TYPE_CHECKING:
    from ..optimise import Step
    from ..protection.objective import Objective
    from ..protector import Protector
    from ..verdict.report import Report

_RECIPES = ("published-1", "published-2", "warp", "pixel-noise", "momentum-noise")
_OUT = (
    "the file to write (.png, .jpg, .webp, .tif, .bmp); a name without such an ending is a folder, made when missing. "
    "Several photos need a folder or a URL, and keep their names in it"
)


def add(verbs: argparse._SubParsersAction) -> None:
    parser = verbs.add_parser("protect", help="protect the faces in photos", description=__doc__)
    say = parser.add_argument
    say("photos", nargs="+", metavar="PHOTO", help="photos, folders, globs, or URLs of fsspec")
    say("-o", "--out", type=place_name, required=True, help=_OUT)
    add_protecting(parser)
    say("--recipe", choices=_RECIPES, metavar="NAME", help=f"{', '.join(_RECIPES)}: for comparison, not a strength")
    say("--budget", type=float, metavar="LPIPS", help="hold visibility (LPIPS-vgg on the face) at this value")
    say("--mode", choices=("dodge", "decoy"), default="dodge", help="dodge: match nobody; decoy: resemble the --decoy")
    say("--decoy", nargs="+", type=Path, default=[], metavar="IMG", help="a synthetic or consenting face")
    say(
        "--autoencoder",
        metavar="NAME_OR_FILE",
        help="a tiny autoencoder (taesd, taef1 ...) instead of the built-in one",
    )
    say("--mask", type=Path, metavar="IMG", help="change pixels only where this picture is white")
    say("--report", type=output_path, metavar="FILE.json", help="write the verdict as JSON; of several photos, a list")
    say("--keep-metadata", action="store_true", help="keep EXIF, place and camera included")
    add_many(parser)
    add_denoising(parser)
    add_judging(parser)
    add_device(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from ..many.places import is_url, names_many

    if len(options.photos) > 1 or names_many(options.photos[0]) or is_url(options.out):
        return protect_many(options)
    return protect_one(options)


def protect_one(options: argparse.Namespace) -> int:
    """A single photo, with its whole verdict on the terminal."""
    source = Path(options.photos[0])
    target = target_of(source, Path(options.out))
    refuse_overwriting(
        [target, options.sheet, options.report], [source, *options.gallery, *options.decoy, options.mask]
    )
    entry = {"photo": source.name, **protect_file(make_protector(options), source, target, options.sheet, options)}
    if options.report:
        with text_file(options.report) as file:
            file.write(json.dumps(entry, indent=1) + "\n")
    return 0


def target_of(photo: Path, out: Path) -> Path:
    """The named file; in a folder, which is made when missing, the photo keeps its name."""
    from ..errors import OutputError
    from ..many.photos import target_name

    if out.suffix and not out.is_dir():
        return out
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {out} cannot be made: {error.strerror}.") from error
    return out / target_name(photo.name)


def make_protector(options: argparse.Namespace) -> Protector:
    from ..protector import Protector

    device = pick_device(options.device)
    if options.strength and options.recipe:
        raise InputError("Name a --strength or a --recipe, not both.")
    if options.mode == "decoy" and not options.decoy:
        raise InputError("Decoy mode needs a face to resemble: --decoy FACE.png, a synthetic or consenting one.")
    if options.decoy and options.mode != "decoy":
        raise InputError("--decoy was given without --mode decoy.")
    recipe = pick_recipe(options)
    surrogates, judges = load_sides(options.surrogate, options.judge, device)
    return Protector(
        recipe=recipe,
        surrogates=surrogates,
        judges=judges,
        gallery=read_faces(options.gallery, device),
        decoys=read_faces(options.decoy, device, "decoy"),
        **pick_engines(options, recipe, device),
        terms=makeup_terms(options, device),
        faces=options.faces,
        far=options.far,
        seed=options.seed,
        device=device,
    )


def protect_file(
    protector: Protector, source: Path, target: Path, sheet: Path | None, options: argparse.Namespace
) -> dict[str, object]:
    """One photo from file to file, and what came of it on the terminal."""
    report, notes = protect_quietly(protector, source, target, sheet, options, bar_title=source.name)
    print(f"{source.name} -> {target}")
    print("\n".join([report.text(), *(f"note: {note}" for note in notes)]))
    return {**report.as_dict(), "notes": notes}


def protect_quietly(
    protector: Protector,
    source: Path,
    target: Path,
    sheet: Path | None,
    options: argparse.Namespace,
    bar_title: str | None = None,
) -> tuple[Report, list[str]]:
    """One photo from file to file; nothing is written unless all of it succeeds."""
    from ..faces.masks import fit_mask
    from ..images import check_target, read_mask, read_photo, to_bchw, write_photo
    from ..verdict.sheet import write_sheet

    photo = read_photo(source)
    check_target(target, [source])
    mask = fit_mask(read_mask(options.mask), photo.height, photo.width) if options.mask else None
    with naming("photo", source), progress_bar("it", bar_title) if bar_title else nullcontext() as bar:

        def show(step: Step, objective: Objective | None) -> None:
            scores = objective.scores if objective else None
            closest = {name: f"{float(cosines.max()):.3f}" for name, cosines in (scores or {}).items()}
            bar(step.index + 1, step.of, **closest)

        protected, report = protector(photo, mask, *([show] if bar else []))
    write_photo(protected, target, keep_metadata=options.keep_metadata, sources=[source])
    if sheet:
        write_sheet(to_bchw(photo.pixels), to_bchw(protected.pixels), report, sheet, sources=[source, target])
    return report, notes_on(photo, target)
