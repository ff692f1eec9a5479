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
)
from .parser import output_path
from .pictures import naming, notes_on, read_faces

if TYPE_CHECKING:
    from torch import Tensor

    from ..editing.edit import Edit, Edited, InLoop
    from ..images import Photo
    from ..recognisers.recogniser import Recogniser
    from ..verdict.report import Report


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
    say("--steps", type=int, default=25)
    say("--size", type=int, metavar="PX", help="what the model works at (default: 256; 512 with --model; SDXL: 1024)")
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
    photo = read_photo(options.photo)
    refuse_overwriting([options.out, options.sheet], [options.photo, options.mask, *options.gallery])
    check_target(options.out, [options.photo], photo)
    if options.sheet:
        check_target(options.sheet, [options.photo])
    device = pick_device(options.device)
    image = to_bchw(photo.pixels).to(device)
    mask, where = where_to_edit(options, photo, image)
    sides = ([], []) if options.no_protect else load_sides(options.surrogate, options.judge, device)
    gallery = [] if options.no_protect else [image, *read_faces(options.gallery, device)]
    done = edited(options, image, mask, sides[0], device)
    print(f"{options.photo.name}: edited {where} ({done.evaluations} evaluations of the model)")
    if options.no_protect:
        write_photo(_held_by_a_file(photo, done.image), options.out, sources=[options.photo])
        return 0
    finish = judged if options.in_loop else protected_afterwards
    result, report = finish(options, photo, done, sides, gallery, device)
    write_photo(result, options.out, sources=[options.photo])
    if options.sheet:
        write_sheet(image.cpu(), to_bchw(result.pixels), report, options.sheet, sources=[options.photo])
    print("\n".join([report.text(), *(f"note: {note}" for note in notes_on(photo, options.out))]))
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


def edited(
    options: argparse.Namespace, image: Tensor, mask: Tensor, surrogates: list[Recogniser], device: str
) -> Edited:
    """The edit, with its faces guarded on the way where that is asked for."""
    from ..editing.edit import edit_image

    denoiser, autoencoder = load_model(options, device)
    size = options.size or (256 if options.model == BUNDLED else 512)
    with progress_bar("step", options.photo.name) as bar:
        return edit_image(
            image,
            mask.to(device),
            wish(options),
            denoiser,
            autoencoder,
            size,
            guarded(options, image, surrogates) if options.in_loop else None,
            lambda moment: bar(moment.step + 1, moment.of),
        )


def wish(options: argparse.Namespace) -> Edit:
    from ..editing.edit import Edit
    from ..engines.words import TONES, understood
    from ..errors import InputError

    if options.model == BUNDLED and not understood(options.prompt):
        raise InputError(
            f"The bundled generator understands no word of '{options.prompt}', so nothing would change. Say it with "
            f"one of: {', '.join(TONES)}; or name a --model."
        )
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


def guarded(options: argparse.Namespace, image: Tensor, surrogates: list[Recogniser]) -> InLoop:
    from ..editing.edit import InLoop
    from ..faces.find import find_faces

    with naming("photo", options.photo):
        return InLoop(find_faces(image, which=options.faces), surrogates, seed=options.seed)


def protected_afterwards(
    options: argparse.Namespace,
    photo: Photo,
    done: Edited,
    sides: tuple[list[Recogniser], list[Recogniser]],
    gallery: list[Tensor],
    device: str,
) -> tuple[Photo, Report]:
    """The edit, protected as any photo is. The photo before it is what others may hold, and must not be matched."""
    import torch

    from ..protector import Protector
    from ..recipes import choose

    protector = Protector(
        recipe=choose(options.strength),
        surrogates=sides[0],
        judges=sides[1],
        gallery=gallery,
        faces=options.faces,
        far=options.far,
        seed=options.seed,
        device=device,
    )
    with progress_bar("it", options.photo.name) as bar, torch.enable_grad():
        return protector(_held_by_a_file(photo, done.image), None, lambda step, objective: bar(step.index + 1, step.of))


def judged(
    options: argparse.Namespace,
    photo: Photo,
    done: Edited,
    sides: tuple[list[Recogniser], list[Recogniser]],
    gallery: list[Tensor],
    device: str,
) -> tuple[Photo, Report]:
    """The verdict on an edit that was guarded: compared with the unguarded one, and with the photo before it."""
    from ..faces.find import find_faces
    from ..images import to_bchw
    from ..verdict.verify import Witness, verify

    result = _held_by_a_file(photo, done.image)
    before, after = (to_bchw(each.pixels).to(device) for each in (_held_by_a_file(photo, done.unguarded), result))
    faces = find_faces(before, which=options.faces)
    witnesses = [Witness(one, role) for role, side in zip(("surrogate", "judge"), sides, strict=True) for one in side]
    report = verify(before, after, witnesses, gallery, faces, options.far)
    report.recipe, report.seed = "in-loop", options.seed
    report.evaluations["denoiser"] += done.evaluations
    return result, report


def _held_by_a_file(photo: Photo, image: Tensor) -> Photo:
    """The picture as eight bits will hold it: what is judged is what is saved."""
    from ..images import to_bhwc

    return photo.with_pixels(to_bhwc(((image.clamp(0, 1) * 255).round() / 255).cpu()))
