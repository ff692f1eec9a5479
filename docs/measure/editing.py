# ruff: noqa: T201
"""Edits measured: what the published schedule costs and ours, what solvers and editors do, and a sheet to look at.

python docs/measure/editing.py schedules portraits/portrait.png FACE.png ... --judges FILE.onnx ...
python docs/measure/editing.py identical portraits/portrait.png
python docs/measure/editing.py solvers portraits/portrait.png
python docs/measure/editing.py editors portraits/portrait.png portraits/person-first.jpg
python docs/measure/editing.py inject portraits/portrait.png
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

from faceveil.core.engines.bundled import BundledDenoiser, load_autoencoder
from faceveil.core.faces.face import Face
from faceveil.core.faces.find import find_faces
from faceveil.core.images import draw_grid, read_photo, to_bchw
from faceveil.core.methods.canvas import square_around
from faceveil.core.methods.edit import Edited, edit_image
from faceveil.core.methods.guard import PUBLISHED_GUARD, GuardRecipe
from faceveil.core.methods.guarding import InLoop, ovals
from faceveil.core.methods.wish import EDITORS, Edit, published
from faceveil.core.perception.ssim import psnr
from faceveil.core.recognisers.catalogue import load_recogniser
from faceveil.core.recognisers.ensemble import Ensemble
from faceveil.core.recognisers.recogniser import Recogniser
from faceveil.core.regions.geometry import DLIB, geometries
from faceveil.core.regions.named import named_regions, region_mask

DENOISER, AUTOENCODER = BundledDenoiser(), load_autoencoder()
WORDS = "red lipstick"
WISHES = ("red lipstick", "purple lipstick", "blue hair", "golden hair", "green eyeshadow", "pink blush")
EXACT = Edit("", solver="midpoint", steps=60)
"""What solvers are compared with: its steps are short enough not to matter."""


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


Way = tuple[Edit, GuardRecipe]


def guarded(ways: dict[str, Way], paths: list[Path], judges: list[Recogniser]) -> None:
    """Guarded edits of all photos against dlib, a row of means for each way; judges give no gradient."""
    dlib = load_recogniser("dlib")
    everyone = [dlib, *judges]
    names = [one.card.name for one in everyone]
    thresholds = ", ".join(f"{one.card.name} {one.threshold('1e-2'):.3f}" for one in everyone)
    print(f"{len(paths)} photos; thresholds {thresholds}; no longer matched is the share of photos, for each of them\n")
    head = ["way", "evaluations", "s", "strength", "outside", *names, "no longer matched", "PSNR to the edit"]
    print(f"| {' | '.join(head)} |\n|{' --- |' * len(head)}")
    for name, (wish, recipe) in ways.items():
        figures, cosine = [], []
        for path in paths:
            image, face = read(path)
            mask = mask_of(image, face, WORDS)
            done, seconds = timed(image, mask, wish, InLoop([face], [dlib], recipe))
            quality = float(psnr(done.image, done.unguarded))
            moved = strength(image, done.unguarded, mask), outside(image, done, mask)
            figures.append((done.evaluations, seconds, *moved, quality))
            cosine.append(cosines(Ensemble(everyone), face, image, done.image))
        asked, seconds, inside, strayed, quality = (mean(column) for column in zip(*figures, strict=True))
        below = [mean(row[one.card.name] < one.threshold("1e-2") for row in cosine) for one in everyone]
        row = [name, f"{asked:.0f}", f"{seconds:.1f}", f"{inside:.0f}", f"{strayed:.1f}"]
        row += [f"{mean(each[one] for each in cosine):.3f}" for one in names]
        row += [", ".join(f"{share:.2f}" for share in below), f"{quality:.1f}"]
        print(f"| {' | '.join(row)} |", flush=True)


def schedules(paths: list[Path], judges: list[Recogniser]) -> None:
    theirs, ours = published(Edit(WORDS, guidance=6)), Edit(WORDS, guidance=6)
    ways = {
        "published: branches apart": (theirs, PUBLISHED_GUARD),
        "published, prefix shared": (replace(theirs, shared=True), PUBLISHED_GUARD),
        "ours": (ours, GuardRecipe()),
        "ours, the noisy latent decoded": (ours, GuardRecipe(predicted=False)),
        "ours, values injected": (replace(ours, inject=None), GuardRecipe()),
        "ours, without inversion": (replace(ours, editor="flow"), GuardRecipe()),
    }
    guarded(ways, paths, judges)


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


def alone(ways: dict[str, Edit], paths: list[Path]) -> None:
    """Edits without protection, all wishes on all photos, a row for each way: strength by wish and in the mean.

    Off: how far the picture lies from that of many midpoint steps, of 255, inside the mask.
    """
    head = ["way", "evaluations", *WISHES, "mean", "outside", "off"]
    print(f"| {' | '.join(head)} |\n|{' --- |' * len(head)}")
    masks = {(path, words): mask_of(*read(path), words) for path in paths for words in WISHES}
    exact: dict[tuple[Path, str], Tensor] = {}
    for name, way in {"": EXACT, **ways}.items():
        asked, inside, strayed, off = [], {words: [] for words in WISHES}, [], []
        for (path, words), mask in masks.items():
            image, _ = read(path)
            done, _ = timed(image, mask, replace(way, prompt=words, guidance=6), None)
            best = exact.setdefault((path, words), done.image)
            asked.append(done.evaluations)
            inside[words].append(strength(image, done.image, mask))
            strayed.append(outside(image, done, mask))
            off.append(float(((done.image - best).abs() * mask).sum() / (3 * mask.sum())) * 255)
        means = [mean(values) for values in inside.values()]
        row = [name or "midpoint, 60 steps", f"{mean(asked):.0f}", *(f"{value:.0f}" for value in means)]
        row += [f"{mean(means):.1f}", f"{mean(strayed):.1f}", f"{mean(off):.2f}"]
        print(f"| {' | '.join(row)} |", flush=True)


def solvers(paths: list[Path]) -> None:
    """At equal numbers of steps (25), and at about equal numbers of evaluations (21, 52, 100)."""
    steps = {"euler": (10, 25, 50), "midpoint": (5, 13, 25), "reuse": (10, 25, 49)}
    alone({f"{name}, {n} steps": Edit("", solver=name, steps=n) for name, ns in steps.items() for n in ns}, paths)


def editors(paths: list[Path]) -> None:
    alone({name: Edit("", editor=name) for name in EDITORS}, paths)


def inject(paths: list[Path]) -> None:
    alone({f"{steps} steps": Edit("", inject=steps) for steps in (0, 1, 3, 5, 10)}, paths)


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
            window = square_around(ovals([face], image), 0.35)
            row = [("original", image), (words, done.unguarded), (f"and protected: {cosine:.2f}", done.image)]
            row += [("mask", mask.expand(-1, 3, -1, -1)), ("difference x4", difference)]
            tiles += [(title, window.cut(picture)) for title, picture in row]
            print(path.name, words, f"{cosine:.3f}", done.won, flush=True)
    draw_grid(tiles, 5, 224).save(out, quality=88, optimize=True)


if __name__ == "__main__":
    plain = {"identical": identical, "solvers": solvers, "editors": editors, "inject": inject}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("schedules", *plain, "sheet"))
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--judges", nargs="*", default=[], help="recognisers that only measure")
    parser.add_argument("--out", type=Path, default=Path("docs/edits-protected.jpg"))
    options = parser.parse_args()
    if options.what == "schedules":
        schedules(options.photos, [load_recogniser(name) for name in options.judges])
    elif options.what == "sheet":
        sheet(options.photos, options.out)
    else:
        plain[options.what](options.photos)
