"""Weakened purification's optimisation as it was published, to compare ours with, and ours in the same terms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from faceveil.core.attention.guide import AttentionGuide
from faceveil.core.attention.listening import Listening
from faceveil.core.engines.counted import Counted
from faceveil.core.engines.denoiser import Denoiser
from faceveil.core.methods.purification import DenoisedOffset
from faceveil.core.methods.recipes import OTHERS
from faceveil.core.optimise import Terms, optimise
from faceveil.core.trajectory.embeddings import Learning, ShortPath, learn_embeddings
from faceveil.core.trajectory.paths import invert

PUBLISHED = OTHERS["published-1"]
IDENTITY = PUBLISHED.weighting.value
Identity = Callable[[Tensor], Tensor]
"""Latents at the path's end to how much they are still known, one number each."""


def learned(model: Denoiser, clean: Tensor, iterations: int, guide: AttentionGuide | None = None) -> ShortPath:
    """The published short path of a clean latent."""
    how, conditioning = PUBLISHED.denoising, model.describe([""], 1.0)
    sigmas = model.sigmas(how.steps, tuple(clean.shape[-2:]))[-1 - how.last :]
    path = invert(model, clean, sigmas, conditioning, "euler")
    more = {"landing": guide.remembering} if guide else {}
    return learn_embeddings(model, path, conditioning, how.last, Learning(iterations), **more)


class Procedure:
    """The unchanged branch beside the protected one in every iteration, and both twice for a guidance that is never
    applied."""

    def __init__(self, model: Denoiser, short: ShortPath) -> None:
        self.model, self.short = Counted(model), short
        self.offset = torch.zeros_like(short.latents[0], requires_grad=True)

    def denoise(self) -> tuple[Tensor, Tensor]:
        """Both branches' ends, and the sum of squared differences of all attention maps."""
        x = torch.cat([self.short.latents[0], self.short.latents[0] + self.offset])
        total = x.new_zeros(())
        for here, there in pairwise(self.short.sigmas):
            maps: list[Tensor] = []
            record = lambda q, k, out, maps=maps: maps.append((q @ k.mT * q.shape[-1] ** -0.5).softmax(-1))
            with Listening(record):
                both = self.model.denoise(torch.cat([x, x]), max(here, self.model.smallest), self.short.at(here))
            _, clean = both.chunk(2)
            x = x + (there - here) * (x - clean) / here
            total = total + sum(F.mse_loss(one[3], one[2]) for one in maps)
        return x, total

    def run(self, identity: Identity, iterations: int) -> Tensor:
        optimiser = torch.optim.AdamW([self.offset], lr=PUBLISHED.latent)
        for _ in range(iterations):
            x, attention = self.denoise()
            optimiser.zero_grad()
            (IDENTITY * identity(x[1:]).sum() + attention).backward()
            optimiser.step()
        with torch.no_grad():
            return self.denoise()[0][1:]


class Ours:
    """The same by our own parts: the unchanged branch was heard once, when embeddings were learned."""

    def __init__(self, model: Denoiser, short: ShortPath, guide: AttentionGuide, autoencoder: object) -> None:
        self.model = Counted(model)
        self.variable = DenoisedOffset(self.model, autoencoder, short, PUBLISHED.latent, guide)

    def run(self, identity: Identity, iterations: int) -> Tensor:
        variable, moved = self.variable, torch.tensor([False])

        def render(rows: Tensor) -> Tensor:
            ended, variable.attention_change = variable.walk(rows)
            return ended

        def objective(ended: Tensor, rows: Tensor, progress: float) -> Terms:
            loss = IDENTITY * identity(ended) + variable.attention_change
            return Terms({"loss": loss}, loss, moved)

        optimise(variable, render, objective, replace(PUBLISHED.settings, iterations=iterations))
        with torch.no_grad():
            return variable.walk(torch.arange(1))[0]
