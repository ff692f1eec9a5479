# ruff: noqa: T201
"""Edits measured: what the published schedule costs and ours, what the guard decodes, and a sheet to look at.

python docs/measure/editing.py schedules portraits/portrait.png portraits/person-first.jpg
python docs/measure/editing.py identical portraits/portrait.png
python docs/measure/editing.py inject portraits/portrait.png
python docs/measure/editing.py guard FACE.png ... --judges FILE.onnx ...
python docs/measure/editing.py sheet portraits/portrait.png portraits/person-first.jpg --out docs/edits-protected.jpg
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from statistics import mean

import torch
from torch import Tensor

from faceveil.core.editing.edit import Edit, Edited, InLoop, edit_image, published
from faceveil.core.editing.geometry import DLIB, geometries
from faceveil.core.engines.bundled import BundledDenoiser, load_autoencoder
from faceveil.core.faces.crops import window_around
from faceveil.core.faces.face import Face
from faceveil.core.faces.find import find_faces
from faceveil.core.faces.regions import named_regions, region_mask
from faceveil.core.images import draw_grid, read_photo, to_bchw
from faceveil.core.perception.ssim import psnr
from faceveil.core.protection.guard import PUBLISHED_GUARD, GuardRecipe
from faceveil.core.recognisers.catalogue import load_recogniser
from faceveil.core.recognisers.ensemble import Ensemble
from faceveil.core.recognisers.recogniser import Recogniser

DENOISER, AUTOENCODER = BundledDenoiser(), load_autoencoder()
WORDS = "red lipstick"
WISHES = ("red lipstick", "purple lipstick", "blue hair", "golden hair", "green eyeshadow", "pink blush")


def read(path: Path) -> tuple[Tensor, Face]:
    image = to_bchw(read_photo(path).pixels)
    return image, find_faces(image, which="largest")[0]


def mask_of(image: Tensor, face: Face, words: str) -> Tensor:
    return region_mask([face], named_regions(words), *image.shape[-2:], geometries=geometries(DLIB)(image))


def strength(before: Tensor, after: Tensor, mask: Tensor) -> float:
    """How far the words moved colours inside the mask: of 255, the length of the mean change."""
    return float(((after - before) * mask).sum((0, 2, 3)).div(mask.sum()).norm()) * 255


def outside(image: Tensor, done: Edited, mask: Tensor) -> float:
    """How far the decoded edit strays where nothing was asked for, before the original's pixels come back: of 255."""
    with torch.no_grad():
        strayed = (AUTOENCODER.decode(done.latent[:1]) - AUTOENCODER.decode(done.clean)).abs().mean(1, keepdim=True)
    still = torch.nn.functional.interpolate(done.window.cut(mask), strayed.shape[-2:], mode="area") == 0
    return float(strayed[still].mean()) * 255


def cosines(ensemble: Ensemble, face: Face, first: Tensor, second: Tensor) -> dict[str, float]:
    points = face.points[None]
    with torch.no_grad():
        known, now = ensemble.embed(first, points), ensemble.embed(second, points)
    return {name: float((known[name] * now[name]).sum()) for name in known}


def timed(image: Tensor, mask: Tensor, wish: Edit, in_loop: InLoop | None) -> tuple[Edited, float]:
    """The edit, and the seconds of processor time it took: others may be busy on the same cores."""
    started = time.process_time()
    done = edit_image(image, mask, wish, DENOISER, AUTOENCODER, in_loop=in_loop)
    return done, time.process_time() - started


def schedules(paths: list[Path]) -> None:
    dlib = load_recogniser("dlib")
    ensemble = Ensemble([dlib])
    theirs = published(Edit(WORDS, guidance=6))
    ways = {
        "published: branches apart": (theirs, PUBLISHED_GUARD),
        "published, prefix shared": (replace(theirs, shared=True), PUBLISHED_GUARD),
        "ours": (Edit(WORDS, guidance=6), GuardRecipe()),
        "ours, values injected": (Edit(WORDS, guidance=6, inject=None), GuardRecipe()),
        "ours, without inversion": (Edit(WORDS, guidance=6, editor="flow"), GuardRecipe()),
    }
    print("| photo | schedule | evaluations | s | strength | outside | similarity | PSNR to the edit |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for path in paths:
        image, face = read(path)
        mask = mask_of(image, face, WORDS)
        for name, (wish, recipe) in ways.items():
            done, seconds = timed(image, mask, wish, InLoop([face], [dlib], recipe))
            row = [path.name, name, done.evaluations, f"{seconds:.1f}"]
            row += [f"{strength(image, done.unguarded, mask):.0f}", f"{outside(image, done, mask):.1f}"]
            row += [f"{cosines(ensemble, face, image, done.image)['dlib']:.3f}"]
            row += [f"{float(psnr(done.image, done.unguarded)):.1f}"]
            print(f"| {' | '.join(map(str, row))} |", flush=True)
    print(f"threshold of dlib at 1e-2: {dlib.threshold('1e-2'):.3f}")


def identical(paths: list[Path]) -> None:
    """Branches apart and the shared prefix end alike: in double precision, since Adam makes much of rounding."""
    dlib = load_recogniser("dlib")
    for part in (DENOISER.flux, DENOISER.words, AUTOENCODER, dlib.network):
        part.double()
    theirs = published(Edit(WORDS, guidance=6))
    for path in paths:
        image, face = read(path)
        mask = mask_of(image, face, WORDS).double()
        face = replace(face, points=face.points.double())
        apart, shared = (
            timed(image.double(), mask, replace(theirs, shared=way), InLoop([face], [dlib], PUBLISHED_GUARD))[0]
            for way in (False, True)
        )
        print(
            f"{path.name}: {apart.evaluations} and {shared.evaluations} evaluations; at most "
            f"{float((apart.unguarded - shared.unguarded).abs().max()):.1e} between the edits and "
            f"{float((apart.image - shared.image).abs().max()):.1e} between the protected ones",
            flush=True,
        )


def inject(paths: list[Path]) -> None:
    print("| injected steps | strength | outside |\n| --- | --- | --- |")
    for steps in (0, 1, 3, 5, 10):
        rows = []
        for path in paths:
            image, face = read(path)
            for words in WISHES:
                mask = mask_of(image, face, words)
                done, _ = timed(image, mask, Edit(words, guidance=6, inject=steps), None)
                rows.append((strength(image, done.image, mask), outside(image, done, mask)))
        print(f"| {steps} | {mean(row[0] for row in rows):.1f} | {mean(row[1] for row in rows):.2f} |", flush=True)


def guard(paths: list[Path], judges: list[Recogniser]) -> None:
    """What the guard had better decode: the clean latent that the step predicts, or the noisy one."""
    dlib = load_recogniser("dlib")
    ensemble = Ensemble([dlib, *judges])
    names = [each.card.name for each in (dlib, *judges)]
    print(f"| decoded | photos | won | {' | '.join(names)} | unmatched by judges | PSNR to the edit | iterations, s |")
    print(f"| --- | --- | --- | {'--- | ' * len(names)}--- | --- | --- |")
    for predicted in (True, False):
        rows, won, unmatched, quality, seconds = [], 0, 0, [], []
        for path in paths:
            image, face = read(path)
            mask = mask_of(image, face, WORDS)
            recipe = GuardRecipe(predicted=predicted)
            done, spent = timed(image, mask, Edit(WORDS, guidance=6), InLoop([face], [dlib], recipe))
            rows.append(cosines(ensemble, face, image, done.image))
            won += bool(done.won)
            unmatched += sum(rows[-1][one.card.name] < one.threshold("1e-2") for one in judges)
            quality.append(float(psnr(done.image, done.unguarded)))
            seconds.append(spent)
        means = " | ".join(f"{mean(row[name] for row in rows):.3f}" for name in names)
        what = "predicted clean latent" if predicted else "noisy latent as it is"
        print(
            f"| {what} | {len(paths)} | {won} | {means} | {unmatched} of {len(paths) * len(judges)} | "
            f"{mean(quality):.1f} | {mean(seconds):.0f} |",
            flush=True,
        )


def sheet(paths: list[Path], out: Path) -> None:
    """Each wish on each photo: original, edited, edited and protected, mask, difference."""
    dlib = load_recogniser("dlib")
    tiles = []
    for words in WISHES:
        for path in paths:
            image, face = read(path)
            mask = mask_of(image, face, words)
            done, _ = timed(image, mask, Edit(words, guidance=6), InLoop([face], [dlib], GuardRecipe()))
            cosine = cosines(Ensemble([dlib]), face, image, done.image)["dlib"]
            difference = ((done.image - image).abs() * 4).clamp(0, 1)
            window = window_around(face, 0.45)
            row = [("original", image), (words, done.unguarded), (f"and protected: {cosine:.2f}", done.image)]
            row += [("mask", mask.expand(-1, 3, -1, -1)), ("difference x4", difference)]
            tiles += [(title, window.cut(picture)) for title, picture in row]
            print(path.name, words, f"{cosine:.3f}", done.won, flush=True)
    draw_grid(tiles, 5, 224).save(out, quality=88, optimize=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("schedules", "identical", "inject", "guard", "sheet"))
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--judges", nargs="*", default=[], help="recognisers that only measure")
    parser.add_argument("--out", type=Path, default=Path("docs/edits-protected.jpg"))
    options = parser.parse_args()
    if options.what == "guard":
        guard(options.photos, [load_recogniser(name) for name in options.judges])
    elif options.what == "sheet":
        sheet(options.photos, options.out)
    else:
        {"schedules": schedules, "identical": identical, "inject": inject}[options.what](options.photos)
