"""What denoising washes away of a protection, with the empty prompt's embedding and with learned ones.

    python docs/measure/purification.py portraits/portrait.png portraits/person-first.jpg
    python docs/measure/purification.py --pairs DIR --count 6 --steps 20 --last 3

Similarity is the cosine of the recogniser's embeddings of the original and the changed face; lower is won.

- latent: an offset found through the decoder alone, decoded as it is.
- denoised: the same offset carried to the start of the last K steps, walked down them, and decoded. `left` is the
  share that survived of what was won in the latent.
- through: weakened purification, an offset found through those steps in as many iterations, and what that shows (1 -
  MS-SSIM of the face's window).
- cleaned: what of either search is left after the generator's whole way up to noise and down again, which neither
  went through; beside it, what that does to the photo itself.
- path error: how far the unchanged path ends from the photo's latent (mean squared error).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from faceveil.core.attacks.cleaning import Purifier
from faceveil.core.engines.bundled import BundledDenoiser, load_autoencoder
from faceveil.core.errors import FaceVeilError
from faceveil.core.faces.crops import resize
from faceveil.core.faces.find import find_faces
from faceveil.core.images import pairs_in, read_photo, to_bchw
from faceveil.core.methods.purification import DenoisedOffset, short_path
from faceveil.core.methods.recipes import OTHERS, OUR_DENOISING
from faceveil.core.optimise import Settings
from faceveil.core.recognisers.catalogue import load_recogniser
from faceveil.core.recognisers.ensemble import Ensemble
from faceveil.core.search.objective import multi_scale_distance
from faceveil.core.search.recipe import Denoising
from faceveil.core.search.search import Task, search
from faceveil.core.trajectory.embeddings import Learning, learn_embeddings, short_path_error
from faceveil.core.veil.change import Change
from faceveil.core.veil.latent import LatentOffset

PUBLISHED = OTHERS["published-1"]


@dataclass(frozen=True)
class Row:
    """One photo and one kind of embedding."""

    embedding: str
    error: float
    latent: float
    denoised: float
    through: float
    visible: float
    cleaned_photo: float
    cleaned_latent: float
    cleaned_through: float

    @property
    def left(self) -> float:
        return (1 - self.denoised) / max(1 - self.latent, 1e-6)


def measure(image: Tensor, options: argparse.Namespace, models: tuple) -> list[Row]:
    denoiser, autoencoder, recogniser, purifier = models
    face = find_faces(image, which="largest")[0]
    # Identity alone: what visibility terms hold back would blur what is compared here.
    how = replace(
        PUBLISHED,
        latent=options.rate,
        visibility={},
        settings=Settings(options.iterations, patience=0, betas=(0.9, 0.999)),
    )
    unlearned = Denoising(options.steps, options.last, Learning(0))
    task, ensemble = Task.prepare(image, [face], how, None), Ensemble([recogniser])

    def similarity(changed: Tensor) -> float:
        with torch.no_grad():
            one, other = (ensemble.embed(x, face.points[None])[recogniser.name][0] for x in (image, changed))
        return float(one @ other)

    def searched(variable: Change) -> Tensor:
        return search(task, variable, ensemble, how, (), (), None, 0, lambda step, objective: None)[0]

    def visible(changed: Tensor) -> float:
        window = resize(task.windows[0].cut(changed), how.size, how.size)
        return float(multi_scale_distance(window, task.clean))

    def cleaned(picture: Tensor) -> float:
        return similarity(purifier(picture))

    direct = LatentOffset(autoencoder, task.clean, how.latent)
    unwalked = searched(direct)
    latent, after = similarity(unwalked), (cleaned(image), cleaned(unwalked))
    path, _ = short_path(task, denoiser, autoencoder, denoiser.describe([""], 1.0), unlearned)
    rows = []
    for name, prompt, learning in (
        ("empty", "", Learning(0)),
        ("another prompt's", options.prompt, Learning(0)),
        ("learned as published", "", Learning(options.learning)),
        ("learned as by default", "", replace(OUR_DENOISING.learning, iterations=options.learning)),
    ):
        short = learn_embeddings(denoiser, path, denoiser.describe([prompt], 1.0), options.last, learning)
        carried = DenoisedOffset(denoiser, autoencoder, short)
        carried.offset.data = direct.offset.detach() * (1 - short.sigmas[0] if denoiser.flow else 1.0)
        denoised = similarity(task.paste_all(carried)[0])
        through = searched(DenoisedOffset(denoiser, autoencoder, short, how.latent))
        error = short_path_error(denoiser, path, short)
        rows.append(Row(name, error, latent, denoised, similarity(through), visible(through), *after, cleaned(through)))
    return rows


def show(rows: list[Row], write: Callable[[str], None]) -> None:
    write(
        "| embedding | photos | path error | similarity: latent | denoised | left | through | visible "
        "| cleaned: photo | latent | through |"
    )
    write("| --- |" + " --- |" * 10)
    for name in dict.fromkeys(row.embedding for row in rows):
        mine = [row for row in rows if row.embedding == name]
        mean = lambda key, mine=mine: sum(getattr(row, key) for row in mine) / len(mine)
        columns = ("latent", "denoised", "left", "through", "visible")
        columns += ("cleaned_photo", "cleaned_latent", "cleaned_through")
        figures = " | ".join(f"{mean(key):.3f}" for key in columns)
        write(f"| {name} | {len(mine)} | {mean('error'):.2e} | {figures} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="*")
    parser.add_argument("--pairs", type=Path, help="a folder of folders a and b; the photos of a are taken")
    parser.add_argument("--count", type=int, help="at most so many photos")
    parser.add_argument("--recogniser", default="dlib")
    parser.add_argument("--steps", type=int, default=PUBLISHED.denoising.steps)
    parser.add_argument("--last", type=int, default=PUBLISHED.denoising.last)
    parser.add_argument(
        "--learning", type=int, default=PUBLISHED.denoising.learning.iterations, help="iterations for each step"
    )
    parser.add_argument("--iterations", type=int, default=PUBLISHED.settings.iterations)
    parser.add_argument("--rate", type=float, default=PUBLISHED.latent)
    parser.add_argument("--prompt", default="a person", help="the other prompt to compare with")
    options = parser.parse_args()
    photos = [*options.photos, *(first for first, _ in (pairs_in(options.pairs) if options.pairs else ()))]
    if not photos:
        parser.error("name photos, or --pairs")
    try:
        models = BundledDenoiser(), load_autoencoder(), load_recogniser(options.recogniser), Purifier()
        rows = []
        for photo in photos[: options.count]:
            rows += measure(to_bchw(read_photo(photo).pixels), options, models)
    except FaceVeilError as error:
        parser.exit(2, f"{error}\n")
    show(rows, lambda line: sys.stdout.write(f"{line}\n"))


if __name__ == "__main__":
    main()
