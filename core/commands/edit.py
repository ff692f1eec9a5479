"""`faceveil edit PHOTO --prompt "..." -o OUT`: change light or colour of a part of the face, and protect the result."""

from __future__ import annotations

import argparse
from pathlib import Path

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
    say("--solver", choices=("euler", "midpoint", "reuse"), default="reuse")
    say("--editor", choices=("invert", "flow"), default="invert", help="flow: no inversion, faster, looser")
    say("--no-protect", action="store_true", help="only edit")
    add_protecting(parser)
    add_judging(parser)
    add_device(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    import torch

    from ..editing.edit import Edit, edit_image
    from ..engines.bundled import BundledDenoiser, load_autoencoder
    from ..faces.find import find_faces
    from ..faces.masks import fit_mask
    from ..faces.regions import named_regions, region_mask
    from ..images import check_target, read_mask, read_photo, to_bchw, to_bhwc, write_photo
    from ..protector import Protector
    from ..recipes import choose
    from ..verdict.sheet import write_sheet

    photo = read_photo(options.photo)
    refuse_overwriting([options.out, options.sheet], [options.photo, options.mask, *options.gallery])
    check_target(options.out, [options.photo])
    device = pick_device(options.device)
    image = to_bchw(photo.pixels).to(device)
    if options.mask:
        mask, where = fit_mask(read_mask(options.mask), photo.height, photo.width), "the mask"
    else:
        regions = options.region or named_regions(options.prompt)
        with naming("photo", options.photo):
            found = find_faces(image, which=options.faces)
        mask, where = region_mask(found, regions, photo.height, photo.width), ", ".join(regions)
    wish = Edit(
        options.prompt,
        options.source_prompt,
        options.guidance,
        steps=options.steps,
        solver=options.solver,
        editor=options.editor,
        seed=options.seed,
    )
    with progress_bar("step", options.photo.name) as bar:
        done = edit_image(
            image,
            mask.to(device),
            wish,
            BundledDenoiser(device),
            load_autoencoder(device),
            on_step=lambda moment: bar(moment.step + 1, moment.of),
        )
    edited = photo.with_pixels(to_bhwc(((done.image.clamp(0, 1) * 255).round() / 255).cpu()))
    print(f"{options.photo.name}: edited {where} ({done.evaluations} evaluations of the model)")
    if options.no_protect:
        write_photo(edited, options.out, sources=[options.photo])
        return 0
    surrogates, judges = load_sides(options.surrogate, options.judge, device)
    protector = Protector(
        recipe=choose(options.strength),
        surrogates=surrogates,
        judges=judges,
        # The photo before the edit is what others may hold: it must not be matched either.
        gallery=[image, *read_faces(options.gallery, device)],
        faces=options.faces,
        far=options.far,
        seed=options.seed,
        device=device,
    )
    with progress_bar("it", options.photo.name) as bar, torch.enable_grad():
        protected, report = protector(edited, None, lambda step, objective: bar(step.index + 1, step.of))
    write_photo(protected, options.out, sources=[options.photo])
    if options.sheet:
        write_sheet(image.cpu(), to_bchw(protected.pixels), report, options.sheet, sources=[options.photo])
    print("\n".join([report.text(), *(f"note: {note}" for note in notes_on(photo, options.out))]))
    return 0
