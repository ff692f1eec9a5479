"""`faceveil demo -o FOLDER`: everything once, on the example portrait or a photo of yours, as pictures to look at.

Protects, edits, and shows what the small generator that comes with this can and cannot reproduce.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .options import add_device, pick_device, progress_bar
from .parser import Verbs, output_path
from .pictures import NAME_ANOTHER, naming
from .telling import tell

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from ..faces.crops import Window
    from ..faces.face import Face

PORTRAIT = Path(__file__).parents[2] / "portraits" / "portrait.png"
WISHES = ("red lipstick", "golden hair", "green eyeshadow", "pink blush")


def add(verbs: Verbs) -> None:
    parser = verbs.add_parser(
        "demo",
        help="try everything once on an example portrait",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("photo", nargs="?", type=Path, default=PORTRAIT, help="a portrait (default: the example)")
    parser.add_argument("-o", "--out", type=output_path, default=Path("faceveil-demo"), help="folder for the pictures")
    add_device(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from ..faces.crops import window_around
    from ..faces.find import find_faces
    from ..images import Photo, from_pil, read_photo, to_bchw, write_photo
    from ..methods.recipes import choose
    from ..photo.protector import Protector
    from ..recognisers.automatic import load_automatic
    from ..verdict.sheet import draw_sheet
    from ..whole import make_folder, refuse_locked

    photo, device = read_photo(options.photo), pick_device(options.device)
    image = to_bchw(photo.pixels).to(device)
    with naming("photo", options.photo):
        face = find_faces(image, which="largest")[0]
    make_folder(options.out, str(options.out), NAME_ANOTHER)
    refuse_locked(options.out)

    def write(name: str, picture: Photo, words: str) -> None:
        write_photo(picture, options.out / name, sources=[options.photo])
        tell(f"{options.out / name}: {words} ({time.perf_counter() - started:.1f} s)")

    started = time.perf_counter()
    against = [recogniser.to(device) for recogniser in load_automatic()]
    protector = Protector(choose(), against, faces="largest", device=device)
    with progress_bar("it", "protect") as bar:
        protected, report = protector(photo, None, lambda step, objective: bar(step.index + 1, step.of))
    write("protected.png", protected, "the photo, protected against the built-in recognisers")
    sheet = draw_sheet(image.cpu(), to_bchw(protected.pixels), report)
    write("verdict.png", Photo(from_pil(sheet)), report.sentence())
    started = time.perf_counter()
    write("edits.png", Photo(from_pil(edits(image, face))), f"edits by words: {', '.join(WISHES)}")
    started = time.perf_counter()
    window = window_around(face, 0.5)
    write("reconstruction.png", Photo(from_pil(reconstruction(image, window))), "what the generator makes of the face")
    return 0


def edits(image: Tensor, face: Face) -> Image.Image:
    """The face before and after each wish."""
    from ..engines.bundled import BundledDenoiser, load_autoencoder
    from ..faces.crops import window_around
    from ..images import draw_grid
    from ..methods.edit import edit_image
    from ..methods.wish import Edit
    from ..regions.named import named_regions, region_mask

    denoiser, autoencoder, window = (
        BundledDenoiser(image.device),
        load_autoencoder(image.device),
        window_around(face, 0.6),
    )
    tiles = [("before", window.cut(image).cpu())]
    with progress_bar("edit", "edit") as bar:
        for index, wish in enumerate(WISHES):
            mask = region_mask([face], named_regions(wish), *image.shape[-2:]).to(image.device)
            done = edit_image(image, mask, Edit(wish, guidance=6), denoiser, autoencoder)
            tiles.append((wish, window.cut(done.image).cpu()))
            bar(index + 1, len(WISHES))
    return draw_grid(tiles, len(tiles), 256)


def reconstruction(image: Tensor, window: Window) -> Image.Image:
    """The face, through the autoencoder and back, and up to noise and back; with the error of each."""
    import torch

    from ..engines.bundled import BundledDenoiser, load_autoencoder
    from ..faces.crops import resize
    from ..images import draw_grid
    from ..perception.ssim import psnr
    from ..trajectory.paths import generate, invert

    denoiser, autoencoder = BundledDenoiser(image.device), load_autoencoder(image.device)
    with torch.no_grad():
        picture = resize(window.cut(image), 256, 256)
        clean, conditioning = autoencoder.encode(picture), denoiser.describe([""])
        levels = denoiser.sigmas(25, (clean.shape[-2], clean.shape[-1]))
        start = invert(denoiser, clean, levels, conditioning).start.to(clean)
        decoded, back = (
            autoencoder.decode(latent).clamp(0, 1)
            for latent in (clean, generate(denoiser, start, levels, conditioning))
        )
    tiles = [
        ("the face at 256 px", picture),
        (f"autoencoder, {float(psnr(decoded, picture)):.1f} dB", decoded),
        (f"to noise and back, {float(psnr(back, picture)):.1f} dB", back),
    ]
    return draw_grid([(title, tile.cpu()) for title, tile in tiles], 3)
