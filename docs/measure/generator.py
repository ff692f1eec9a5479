# ruff: noqa: T201
"""What the bundled generator can do: reconstruction, the way to noise and back, and what its words change.

python docs/measure/generator.py --portrait portraits/portrait.png --pairs DIR --edits docs/edits.png
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from faceveil.core.engines.bundled import BundledDenoiser, load_autoencoder
from faceveil.core.faces.crops import resize
from faceveil.core.faces.find import find_faces
from faceveil.core.images import read_photo, to_bchw
from faceveil.core.methods.edit import Edit, edit_image
from faceveil.core.regions.named import region_mask, regions_in
from faceveil.core.trajectory.paths import generate, invert

WISHES = (
    "red lipstick",
    "purple lipstick",
    "golden hair",
    "blue hair",
    "dark hair",
    "red hair",
    "green eyeshadow",
    "blue eyeshadow",
    "pink blush",
    "brown beard",
    "warm skin",
)
TILE = 256


def psnr(a: Tensor, b: Tensor) -> float:
    return float(-10 * (a.clamp(0, 1) - b.clamp(0, 1)).square().mean().log10())


def reconstruction(paths: list[Path]) -> None:
    autoencoder, denoiser = load_autoencoder(), BundledDenoiser()
    sigmas, empty = denoiser.sigmas(25, (32, 32)), denoiser.describe([""])
    decoded, returned, original = [], [], []
    for index, path in enumerate(paths):
        picture = resize(to_bchw(read_photo(path).pixels), 256, 256)
        with torch.no_grad():
            clean = autoencoder.encode(picture)
            decoded.append(psnr(autoencoder.decode(clean), picture))
            if index < 16:
                back = generate(denoiser, invert(denoiser, clean, sigmas, empty).start, sigmas, empty)
                returned.append(psnr(autoencoder.decode(back), autoencoder.decode(clean)))
                original.append(psnr(autoencoder.decode(back), picture))
    print(f"autoencoder: {np.mean(decoded):.2f} dB over {len(decoded)} photos, worst {min(decoded):.2f}")
    print(
        f"there and back, midpoint, 25 steps, {len(returned)} photos: {np.mean(returned):.2f} dB to the decoded latent "
        f"(worst {min(returned):.2f}), {np.mean(original):.2f} dB to the photo"
    )


def edits(photo: Path, out: Path | None) -> None:
    autoencoder, denoiser = load_autoencoder(), BundledDenoiser()
    picture = to_bchw(read_photo(photo).pixels)
    faces = find_faces(picture)
    left, top, right, bottom = faces[0].box
    reach = int((right - left) * 0.9)
    box = (slice(max(0, int(top) - reach), int(bottom) + reach), slice(max(0, int(left) - reach), int(right) + reach))
    tiles = [("original", picture)]
    print("| prompt | change of red, green, blue inside | outside | evaluations | s |\n| --- | --- | --- | --- | --- |")
    for prompt in WISHES:
        mask = region_mask(faces, regions_in(prompt), *picture.shape[-2:])
        started = time.perf_counter()
        done = edit_image(picture, mask, Edit(prompt, guidance=6), denoiser, autoencoder)
        seconds = time.perf_counter() - started
        change = done.image - picture
        inside = ((change * mask).sum((0, 2, 3)) / mask.sum() * 255).round().int().tolist()
        outside = float(change[(mask == 0).expand_as(change)].abs().max())
        print(f"| {prompt} | {inside} | {outside:g} | {done.evaluations} | {seconds:.1f} |")
        tiles.append((prompt, done.image))
    if out:
        sheet = Image.new("RGB", (4 * TILE, -(-len(tiles) // 4) * (TILE + 18)), "white")
        draw = ImageDraw.Draw(sheet)
        for index, (name, tile) in enumerate(tiles):
            pixels = (tile[0].permute(1, 2, 0).clamp(0, 1) * 255).round().byte().numpy()[box]
            x, y = index % 4 * TILE, index // 4 * (TILE + 18)
            sheet.paste(Image.fromarray(pixels).resize((TILE, TILE), Image.Resampling.LANCZOS), (x, y + 18))
            draw.text((x + 6, y + 3), name, fill="black")
        sheet.save(out, optimize=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--portrait", type=Path, required=True)
    parser.add_argument("--pairs", type=Path, help="research photos, for reconstruction")
    parser.add_argument("--edits", type=Path)
    options = parser.parse_args()
    edits(options.portrait, options.edits)
    if options.pairs:
        reconstruction(sorted(options.pairs.glob("[ab]/*.png")))
