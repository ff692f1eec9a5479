"""Method 1: move the latent from which the last denoising steps start, so that what they end at is not matched.

What is optimised has been through the purification that would wash it away. The variable, the objective and
the loop are the guard's; only the way from the latent to the picture is longer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from ..engines.autoencoder import Autoencoder
from ..engines.denoiser import Denoiser
from ..errors import InputError
from ..faces.crops import paste, resize, window_around
from ..faces.face import Face
from ..faces.masks import face_oval
from ..optimise import Settings, Step
from ..recognisers.recogniser import Recogniser
from ..trajectory.embeddings import Learning, ShortPath, learn_embeddings, unlearned, walk
from ..trajectory.paths import invert
from ..trajectory.record import Trajectory
from ..trajectory.solvers import Moment
from .guard import Guard, GuardRecipe
from .identity import Aim
from .weights import Constant


@dataclass(frozen=True)
class PurificationRecipe:
    """How long the path is, how its embeddings are learned, and how the latent is moved."""

    steps: int = 20
    last: int = 3
    learning: Learning | None = field(default_factory=Learning)
    """None leaves the empty prompt's embedding: the comparison."""
    guard: GuardRecipe = field(default_factory=lambda: GuardRecipe(settings=Settings(60, patience=8)))
    size: int = 256
    margin: float = 0.35


PUBLISHED = PurificationRecipe(
    guard=GuardRecipe(
        aim=Aim(form="cosine"),
        views=("plain",),
        landmark_jitter=0.0,
        rate=0.01,
        settings=Settings(30, method="adamw", betas=(0.9, 0.999), patience=0),
        weighting=Constant(0.003),
        visibility={"structure": 1.0},
    ),
)
"""The published numbers. Its self-attention guidance is stood in for by the structure term of weight 1."""


@dataclass
class Purified:
    """The protected picture, and what is worth comparing."""

    image: Tensor
    path: Trajectory
    short: ShortPath
    start: Tensor
    """The latent at the short path's first level, moved."""
    iterations: int
    won: bool


def protect_through_denoising(
    image: Tensor,
    face: Face,
    denoiser: Denoiser,
    autoencoder: Autoencoder,
    surrogates: Sequence[Recogniser],
    recipe: PurificationRecipe | None = None,
    seed: int = 0,
    on_step: Callable[[Step], None] = lambda step: None,
) -> Purified:
    """Protect one face of `image` (1, 3, H, W); pixels outside its oval stay bit-identical."""
    how = recipe or PurificationRecipe()
    if how.last >= how.steps:
        raise InputError(f"The last {how.last} steps of a schedule of {how.steps} are no short path. Choose fewer.")
    window = window_around(face, how.margin)
    before = resize(window.cut(image), how.size, how.size)
    scale = how.size / window.width
    points = (window.shift(face.points) + 0.5) * scale - 0.5
    oval = face_oval(points[None].to(image.device), how.size, how.size)
    with torch.no_grad():
        clean = autoencoder.encode(before)
    if clean.ndim != 4:
        raise InputError("This autoencoder makes no latents of pictures (four dimensions are expected).")
    empty = denoiser.describe([""])
    path = invert(denoiser, clean, denoiser.sigmas(how.steps, tuple(clean.shape[-2:])), empty, "euler")
    if how.learning:
        short = learn_embeddings(denoiser, path, empty, how.last, how.learning, on_step)
    else:
        short = unlearned(path, empty, how.last)
    start = path.latents.at(short.sigmas[0]).to(clean)
    with torch.no_grad():
        still = autoencoder.decode(walk(denoiser, start, short))

    def picture(latent: Tensor) -> Tensor:
        return before + oval * (autoencoder.decode(walk(denoiser, latent, short)) - still)

    guard = Guard(picture, surrogates, 1.0, how.guard, before, seed=seed, on_iteration=on_step)
    # The guard is asked about this latent as it is; the picture above does the denoising.
    moved = guard(Moment(0, 1, 0.0, start, torch.zeros_like(start)))[-1:]
    with torch.no_grad():
        difference = autoencoder.decode(walk(denoiser, moved, short)) - still
        difference = F.interpolate(difference, (window.height, window.width), mode="bicubic", align_corners=False)
        mask = face_oval(window.shift(face.points)[None].to(image.device), window.height, window.width)
        result = paste(image, window, window.cut(image) + mask * difference, mask)
    return Purified(result, path, short, moved, guard.iterations, guard.won)
