"""Weakening diffusion purification (Salar et al., CVPR 2025, arXiv 2503.10350) on whole latents, for pictures that are
decoded right after: they are moved where a short denoising path starts.

The search is the guard's; its picture lies some denoising steps further on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor

from ..attention.guide import AttentionGuide
from ..engines.autoencoder import Autoencoder
from ..engines.denoiser import Denoiser
from ..optimise import Step
from ..recognisers.recogniser import Recogniser
from ..search.recipe import ATTENTION
from ..trajectory.embeddings import ShortPath, of_rows, step_down
from ..trajectory.solvers import Moment
from .guard import Guard, GuardRecipe
from .purification import DenoisedOffset


@torch.no_grad()
def retraced(
    denoiser: Denoiser,
    short: ShortPath,
    landing: Callable[[int], AbstractContextManager[None]] = lambda step: nullcontext(),
) -> ShortPath:
    """The path walked again as it was learned, so that the unchanged branch can be listened to."""
    passed = [short.latents[0].to(short.conditionings[0].context.device)]
    every = torch.arange(len(passed[0]))
    for index, (here, there) in enumerate(pairwise(short.sigmas)):
        with landing(index):
            passed.append(step_down(denoiser, passed[-1], here, there, of_rows(short.at(here), every)))
    return replace(short, latents=tuple(passed))


def protect_latents(
    clean: Tensor,
    denoiser: Denoiser,
    autoencoder: Autoencoder,
    short: ShortPath,
    surrogates: Sequence[Recogniser],
    recipe: GuardRecipe,
    originals: Sequence[Tensor] = (),
    attention: str = "light",
    seed: int = 0,
    on_step: Callable[[int, Step], None] = lambda index, step: None,
) -> Tensor:
    """The clean latents (B, C, h, w), changed by what the moved ones end at: `clean + walk(z + offset) - walk(z)`.

    `originals` are the photos whose faces must not be matched, one for all or one each; without any, the faces that
    the latents show now. A latent in which no face can be found is an error.
    """
    guide = AttentionGuide(attention) if recipe.visibility.get(ATTENTION) else None
    short = retraced(denoiser, short, guide.remembering if guide else lambda step: nullcontext())
    way = DenoisedOffset(denoiser, autoencoder, short, recipe.rate, guide)
    changed = []
    for index in range(len(clean)):
        row = torch.tensor([index])
        still = clean[row] - short.latents[-1][row]

        def picture(z: Tensor, row: Tensor = row, still: Tensor = still) -> Tensor:
            ended, way.attention_change = way.walk_from(z, row)
            return autoencoder.decode(still + ended)

        def show(step: Step, index: int = index) -> None:
            on_step(index, step)

        guard = Guard(
            picture,
            surrogates,
            recipe,
            originals[min(index, len(originals) - 1)] if originals else None,
            {ATTENTION: lambda changed, clean: way.attention_change.expand(len(changed))},
            seed,
            show,
        )
        start = short.latents[0][row]
        moved = guard.protected(Moment(0, 1, 0.0, start, torch.zeros_like(start)))
        with torch.no_grad():
            changed.append(still + way.walk_from(moved, row)[0])
    return torch.cat(changed)
