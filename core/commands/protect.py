"""`faceveil protect PHOTO ... -o OUT`: photos come back that recognisers no longer match, and people still do.

PHOTO is a photo or a film, a folder with everything below it, a glob in quotation marks, or a URL such as
s3://bucket/folder. A film's sound, subtitles and times stay as they are.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .apart import Copies, add_apart, refuse_unfit
from .denoising import add_denoising, pick_recipe
from .many import add_many, treat_many
from .masking import refuse_words
from .options import add_device, add_judging, add_protecting, refuse_overwriting, settle_surrogates
from .parser import Verbs
from .pictures import add_photos, inputs_of, several, target_of
from .protecting import make_protecting, make_protector, protect_quietly
from .telling import tell
from .veiling import add_veil
from .written import write_json

_RECIPES = ("published-1", "published-2", "pixel-noise", "momentum-noise")


def add(verbs: Verbs) -> None:
    parser = verbs.add_parser("protect", help="protect the faces in photos", description=__doc__)
    say = parser.add_argument
    add_photos(parser)
    add_protecting(parser)
    say("--recipe", choices=_RECIPES, metavar="NAME", help=f"{', '.join(_RECIPES)}: for comparison, not a strength")
    say(
        "--budget",
        type=float,
        metavar="PAINT",
        help="let no more paint show on a face than this, instead of 0.6 (light 0.55, strong 0.75); 0.3 is hardly seen",
    )
    say("--mode", choices=("dodge", "decoy"), default="dodge", help="dodge: match nobody; decoy: resemble the --decoy")
    say("--decoy", nargs="+", type=Path, default=[], metavar="IMG", help="a synthetic or consenting face")
    say(
        "--autoencoder",
        metavar="NAME_OR_FILE",
        help="a tiny autoencoder (taesd, taef1 ...) instead of the built-in one",
    )
    say("--mask", type=Path, metavar="IMG", help="change pixels only where this picture is white")
    add_veil(parser)
    add_apart(parser)
    add_many(parser)
    add_denoising(parser)
    add_judging(parser)
    add_device(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from ..errors import InputError
    from ..film.files import is_film
    from .film import protect_film

    settle_surrogates(options)
    refuse_words(options.mask, "have one drawn first, with: faceveil regions PHOTO {} -o mask.png")
    refuse_unfit(options, several(options))
    if not several(options):
        return protect_film(options) if is_film(options.photos[0]) else protect_one(options)
    if options.save_veil:
        raise InputError(
            "Several photos have a veil each. Learn one for all of them: faceveil veil learn PHOTO ... -o FILE."
        )
    return treat_many(options, make_protecting, pick_recipe(options))


def protect_one(options: argparse.Namespace) -> int:
    """A single photo, with its whole verdict on the terminal."""
    source = Path(options.photos[0])
    target = target_of(source, Path(options.out), options.overwrite)
    refuse_overwriting([target, options.sheet, options.report, options.save_veil], inputs_of(options))
    protector = make_protector(options)
    copies = Copies(options, protector.device) if options.apart else None
    apart = copies.before(target) if copies else ()
    report, notes = protect_quietly(protector, source, target, options.sheet, options, source.name, apart)
    try:
        if options.report:
            write_json(options.report, {"photo": source.name, **report.as_dict(), "notes": notes})
    finally:  # what becomes of that file is no reason to keep the verdict back
        tell(f"{source.name} -> {target}", *report.lines(), *(f"note: {note}" for note in notes))
    return 0
