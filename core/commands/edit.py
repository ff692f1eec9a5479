"""`faceveil edit PHOTO --prompt "..." -o OUT`: change light or colour of a part of the face, and protect the result."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from .masking import POINTS, add_masking, drawn, part_named
from .models import BUNDLED, add_model, load_model
from .options import (
    add_device,
    add_judging,
    add_protecting,
    load_sides,
    pick_device,
    progress_bar,
    refuse_overwriting,
    settle_surrogates,
)
from .parser import output_path, positive
from .pictures import naming, notes_on, read_faces
from .telling import tell

if TYPE_CHECKING:
    from torch import Tensor

    from ..editing.wish import Edit
    from ..editor import Editor
    from ..images import Photo


def add(verbs: argparse._SubParsersAction) -> None:
    parser = verbs.add_parser("edit", help="edit a portrait by prompt, and protect it", description=__doc__)
    say = parser.add_argument
    say("photo", type=Path, metavar="PHOTO")
    say("-o", "--out", type=output_path, required=True, help="the file to write")
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
    say("--no-protect", action="store_true", help="only edit")
    say("--in-loop", action="store_true", help="protect inside the generation instead of afterwards")
    add_masking(parser)
    add_model(parser)
    add_protecting(parser)
    add_judging(parser)
    add_device(parser)
    parser.set_defaults(run=run)


def _steps_or_auto(text: str) -> int | None:
    if text == "auto":
        return None
    if text.isdecimal():
        return int(text)
    raise argparse.ArgumentTypeError(f"'{text}' is neither a number of steps nor auto")


def run(options: argparse.Namespace) -> int:
    from ..images import check_target, read_photo, to_bchw, write_photo
    from ..verdict.sheet import write_sheet

    _refuse_contradictions(options)
    settle_surrogates(options)
    photo = read_photo(options.photo)
    refuse_overwriting([options.out, options.sheet], [options.photo, options.mask, *options.gallery])
    check_target(options.out, [options.photo], photo)
    if options.sheet:
        check_target(options.sheet, [options.photo])
    device = pick_device(options.device)
    image = to_bchw(photo.pixels)
    mask, where = where_to_edit(options, photo, image)
    editor, asked = make_editor(options, device), wish(options)
    title = options.photo.name
    with naming("photo", options.photo), progress_bar("step", title) as steps, progress_bar("it", title) as iterations:
        done = editor(
            photo,
            mask,
            asked,
            lambda moment: steps(moment.step + 1, moment.of),
            lambda step, objective: iterations(step.index + 1, step.of),
        )
    write_photo(done.photo, options.out, sources=[options.photo])
    if done.report is not None and options.sheet:
        write_sheet(image, to_bchw(done.photo.pixels), done.report, options.sheet, sources=[options.photo])
    tell(f"{title}: edited {where} ({done.evaluations} evaluations of the model)")
    if done.report is not None:
        tell(*done.report.lines(), *(f"note: {note}" for note in notes_on(photo, options.out)))
    return 0


def _refuse_contradictions(options: argparse.Namespace) -> None:
    from ..errors import InputError

    if options.in_loop and (options.no_protect or options.strength):
        other = "--no-protect" if options.no_protect else "--strength"
        raise InputError(f"--in-loop protects in its own way: leave out {other}, or --in-loop.")
    if options.mask and (options.region or options.parser or options.sentences or options.landmarks != POINTS):
        raise InputError("A --mask says where to edit already: leave out --region, --landmarks, --parser, --sentences.")


def where_to_edit(options: argparse.Namespace, photo: Photo, image: Tensor) -> tuple[Tensor, str]:
    """The mask, and in words what it covers."""
    from ..faces.masks import fit_mask
    from ..images import read_mask

    if options.mask:
        return fit_mask(read_mask(options.mask), photo.height, photo.width), "the mask"
    regions = options.region or part_named(options, options.prompt)
    return drawn(options, image, options.photo, regions)[0], ", ".join(regions)


def make_editor(options: argparse.Namespace, device: str) -> Editor:
    from ..editor import Editor
    from ..protection.guard import GuardRecipe
    from ..protector import Protector
    from ..recipes import choose

    protector = None
    if not options.no_protect:
        surrogates, judges = load_sides(options.surrogate, options.judge, device)
        protector = Protector(
            recipe=choose(options.strength),
            surrogates=surrogates,
            judges=judges,
            gallery=read_faces(options.gallery, device),
            faces=options.faces,
            detector=options.detector,
            far=options.far,
            seed=options.seed,
            device=device,
        )
    denoiser, autoencoder = load_model(options, device)
    size = options.size or (256 if options.model == BUNDLED else 512)
    return Editor(denoiser, autoencoder, size, protector, GuardRecipe() if options.in_loop else None, device)


def wish(options: argparse.Namespace) -> Edit:
    from ..editing.wish import Edit
    from ..engines.words import refuse_unknown

    if options.model == BUNDLED:
        refuse_unknown(options.prompt)
    return Edit(
        options.prompt,
        options.source_prompt,
        options.guidance,
        steps=options.steps,
        solver=options.solver,
        editor=options.editor,
        inject=options.inject,
        seed=options.seed,
    )
