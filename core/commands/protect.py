"""`faceveil protect PHOTO ... -o OUT`: photos come back that recognisers no longer match, and people still do.

PHOTO is a file, a folder with everything below it, a glob in quotation marks, or a URL such as s3://bucket/folder; or
one film, whose sound, subtitles and times stay as they are.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from .denoising import add_denoising
from .many import add_many, inputs_of, protect_many
from .options import add_device, add_judging, add_protecting, refuse_overwriting, settle_surrogates
from .parser import place_name, text_path
from .protecting import make_protector, protect_quietly
from .telling import tell
from .veiling import add_veil
from .written import text_file

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
    say("--report", type=text_path, metavar="FILE.json", help="write the verdict as JSON; of several photos, a list")
    say(
        "--overwrite",
        action="store_true",
        help="in a folder, also replace files that an earlier run into it did not make; never an input",
    )
    say("--keep-metadata", action="store_true", help="keep EXIF, place and camera included")
    add_veil(parser)
    add_many(parser)
    add_denoising(parser)
    add_judging(parser)
    add_device(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from ..errors import InputError
    from ..film.files import is_film
    from ..many.sources import is_url, names_many
    from .film import protect_film

    settle_surrogates(options)
    if any(is_film(photo) for photo in options.photos):
        if len(options.photos) > 1:
            raise InputError("Films are protected one at a time: name one film, or photos.")
        return protect_film(options)
    if len(options.photos) > 1 or names_many(options.photos[0]) or is_url(options.out):
        if options.save_veil:
            raise InputError(
                "Several photos have a veil each. Learn one for all of them: faceveil veil learn PHOTO ... -o FILE."
            )
        return protect_many(options)
    return protect_one(options)


def protect_one(options: argparse.Namespace) -> int:
    """A single photo, with its whole verdict on the terminal."""
    source = Path(options.photos[0])
    target = target_of(source, Path(options.out), options.overwrite)
    refuse_overwriting([target, options.sheet, options.report, options.save_veil], inputs_of(options))
    report, notes = protect_quietly(
        make_protector(options), source, target, options.sheet, options, bar_title=source.name
    )
    if options.report:
        with text_file(options.report) as file:
            entry = {"photo": source.name, **report.as_dict(), "notes": notes}
            file.write(json.dumps(entry, indent=1) + "\n")
    tell(f"{source.name} -> {target}", *report.lines(), *(f"note: {note}" for note in notes))
    return 0


def target_of(photo: Path, out: Path, overwrite: bool = False) -> Path:
    """The named file; in a folder, which is made when missing, the photo keeps its name, if that is free there."""
    from ..errors import OutputError
    from ..many.photos import target_name

    if out.suffix and not out.is_dir():
        return out
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {out} cannot be made: {error.strerror}.") from error
    target = out / target_name(photo.name)
    if not overwrite and os.path.lexists(target):
        raise OutputError(
            f"{target} exists already: name the file to write, or say --overwrite if that one may be replaced."
        )
    return target
