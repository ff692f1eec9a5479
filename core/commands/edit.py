"""`faceveil edit PHOTO ... --prompt "..." -o OUT`: change light or colour of a part of the face, and protect that.

PHOTO is what `faceveil protect` takes: a file, a folder, a glob in quotation marks, or a URL.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .editing import edit_quietly, make_editing, recipe_of
from .many import add_many, treat_many
from .masking import POINTS, add_masking, refuse_words
from .models import add_model
from .options import add_device, add_judging, add_protecting, refuse_overwriting, settle_surrogates
from .parser import Verbs, positive, text_path
from .pictures import add_photos, inputs_of, several, target_of
from .telling import tell
from .written import write_json


def add(verbs: Verbs) -> None:
    parser = verbs.add_parser("edit", help="edit a portrait by prompt, and protect it", description=__doc__)
    say = parser.add_argument
    add_photos(parser)
    say("--prompt", required=True, help='what it should become: "red lipstick", "golden hair"')
    say("--source-prompt", default="", help="what it is now (default: nothing is said)")
    say("--region", nargs="+", metavar="NAME", help="parts of the face, instead of those the prompt names")
    say("--mask", type=Path, metavar="IMG", help="edit where this picture is white, instead of a region")
    say("--guidance", type=float, help="how strongly the prompt is taken (bundled model: 0 to 7, default 4)")
    say("--steps", type=positive, default=25)
    say(
        "--size",
        type=positive,
        metavar="PX",
        help="what the model works at (default: 256; 512 with --model; SDXL: 1024)",
    )
    say("--solver", choices=("euler", "midpoint", "reuse"), default="reuse")
    say("--editor", choices=("invert", "flow"), default="invert", help="flow: no inversion, faster, looser")
    say(
        "--inject",
        type=_steps_or_auto,
        default=0,
        metavar="N|auto",
        help="in how many of the first steps the original's attention values are kept (default: 0; auto: 3 or 5, by "
        "the size of the region)",
    )
    say(
        "--trajectory",
        type=text_path,
        metavar="FILE",
        help="the photo's way up to noise: read where the file is there, else made and kept for other edits of this "
        "photo. All of the photo is then worked on, its longer side at --size",
    )
    say("--no-protect", action="store_true", help="only edit")
    say("--in-loop", action="store_true", help="protect inside the generation instead of afterwards")
    add_masking(parser)
    add_model(parser)
    add_protecting(parser)
    add_judging(parser)
    add_many(parser)
    add_device(parser)
    parser.set_defaults(run=run)


def _steps_or_auto(text: str) -> int | None:
    if text == "auto":
        return None
    if text.isdecimal():
        return int(text)
    raise argparse.ArgumentTypeError(f"'{text}' is neither a number of steps nor auto")


def run(options: argparse.Namespace) -> int:
    _refuse_contradictions(options)
    settle_surrogates(options)
    return treat_many(options, make_editing, recipe_of(options)) if several(options) else edit_one(options)


def edit_one(options: argparse.Namespace) -> int:
    """A single photo, with its whole verdict on the terminal."""
    source = Path(options.photos[0])
    target = target_of(source, Path(options.out), options.overwrite)
    written = [target, options.sheet, options.report]
    if options.trajectory and not options.trajectory.exists():
        written.append(options.trajectory)
    refuse_overwriting(written, inputs_of(options))
    report, notes = edit_quietly(None, source, target, options.sheet, options, bar_title=source.name)
    first, *rest = notes
    try:
        if options.report:
            verdict = report.as_dict() if report else {}
            write_json(options.report, {"photo": source.name, **verdict, "notes": notes})
    finally:
        tell(f"{source.name}: {first}", *(report.lines() if report else ()), *(f"note: {note}" for note in rest))
    return 0


def _refuse_contradictions(options: argparse.Namespace) -> None:
    from ..errors import InputError

    if options.in_loop and (options.no_protect or options.strength):
        other = "--no-protect" if options.no_protect else "--strength"
        raise InputError(f"--in-loop protects in its own way: leave out {other}, or --in-loop.")
    if options.trajectory and (several(options) or options.editor != "invert"):
        raise InputError("--trajectory is the way of one photo, for the editor invert: leave it out for others.")
    refuse_words(options.mask, "for a part of the face say --region {}.")
    if options.mask and (options.region or options.parser or options.sentences or options.landmarks != POINTS):
        raise InputError("A --mask says where to edit already: leave out --region, --landmarks, --parser, --sentences.")
