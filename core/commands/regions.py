"""`faceveil regions PHOTO "red lipstick" -o mask.png`: the mask that these words would edit, to look at or correct."""

from __future__ import annotations

import argparse
from pathlib import Path

from .masking import add_masking, drawn, part_named
from .options import add_faces, refuse_overwriting
from .parser import Verbs, output_path
from .telling import tell


def add(verbs: Verbs) -> None:
    parser = verbs.add_parser("regions", help="show which part of the face a prompt is about", description=__doc__)
    say = parser.add_argument
    say("photo", type=Path, metavar="PHOTO")
    say("words", help='a prompt ("red lipstick") or the name of a region')
    say(
        "-o",
        "--out",
        type=output_path,
        required=True,
        metavar="FILE.png",
        help="the mask; white where the edit would be",
    )
    say("--shown", type=output_path, metavar="FILE.png", help="the photo with the mask laid over it in red")
    add_faces(parser)
    add_masking(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from ..images import Photo, check_target, read_photo, to_bchw, to_bhwc, write_photo
    from ..regions.named import REGIONS

    refuse_overwriting([options.out, options.shown], [options.photo])
    photo = read_photo(options.photo)
    for target in (options.out, options.shown):
        if target:
            check_target(target, [options.photo])
    regions = [options.words] if options.words in REGIONS else part_named(options, options.words)
    image = to_bchw(photo.pixels)
    mask, _ = drawn(options, image, options.photo, regions)
    # Nothing but the mask: whoever reads one with transparency takes that for it.
    write_photo(Photo(to_bhwc(mask.expand(-1, 3, -1, -1))), options.out, sources=[options.photo])
    if options.shown:
        red = image.new_tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
        shown = image + 0.6 * mask * (red - image)
        write_photo(photo.with_pixels(to_bhwc(shown)), options.shown, sources=[options.photo])
    tell(f"{options.photo.name}: {', '.join(regions)} ({float((mask > 0.5).float().mean()):.1%} of the picture)")
    return 0
