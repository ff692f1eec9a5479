"""Learned unconditional embeddings: one for each of the last steps, so that the short denoising path ends at the photo.

Null-text inversion without guidance. What the path can reproduce it need not wash away: that is how
"Enhancing Facial Privacy Protection via Weakening Diffusion Purification" keeps what an optimiser put there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from ..engines.denoiser import Conditioning, Denoiser, velocity
from ..errors import InputError
from ..optimise import Settings, Step, Terms, optimise
from .record import Trajectory

PUBLISHED_STEPS = 3
"""Of 20: the path is short, for every step purifies."""


@dataclass(frozen=True)
class Learning:
    """How to learn; as published unless said otherwise."""

    iterations: int = 20
    rate: float = 0.1
    tolerance: float = 0.0
    """A step whose mean squared error is no larger is left at once; 0 runs all iterations, as published."""


@dataclass(frozen=True)
class ShortPath:
    """The last steps of a trajectory, each with the conditioning that was learned for it."""

    sigmas: list[float]
    said: list[Conditioning]
    errors: list[float]
    """Mean squared error of each step at its end."""
    iterations: int = 0

    def at(self, sigma: float) -> Conditioning:
        """The conditioning of the step that leaves from sigma; matched by level, not by counting calls."""
        distance = [abs(level - sigma) for level in self.sigmas[:-1]]
        return self.said[distance.index(min(distance))]


class _Embedding:
    """A conditioning that can be moved."""

    def __init__(self, said: Conditioning, rate: float) -> None:
        self.rate, self.said = rate, said
        self.context = said.context.detach().clone().requires_grad_()
        self.pooled = None if said.pooled is None else said.pooled.detach().clone().requires_grad_()

    def groups(self) -> Iterator[tuple[Tensor, float]]:
        yield self.context, self.rate
        if self.pooled is not None:
            yield self.pooled, self.rate

    def now(self, detached: bool = False) -> Conditioning:
        context, pooled = self.context, self.pooled
        if detached:
            context, pooled = context.detach(), None if pooled is None else pooled.detach()
        return replace(self.said, context=context, pooled=pooled)


def last_levels(path: Trajectory, steps: int) -> list[float]:
    """The levels of the last `steps` steps, down to the clean latent."""
    known = path.sigmas
    if not 1 <= steps < len(known):
        raise InputError(
            f"The trajectory has {len(known) - 1} steps; a path of its last {steps} cannot be taken. "
            "Choose fewer steps to learn on, or invert with more."
        )
    return known[-(steps + 1) :]


def learn_embeddings(
    denoiser: Denoiser,
    path: Trajectory,
    start: Conditioning,
    steps: int = PUBLISHED_STEPS,
    learning: Learning | None = None,
    on_step: Callable[[Step], None] = lambda step: None,
) -> ShortPath:
    """One conditioning a step, each begun where the last one ended; `start` is usually the empty prompt's."""
    how = learning or Learning()
    settings = Settings(how.iterations, method="adamw", betas=(0.9, 0.999), patience=1 if how.tolerance else 0)
    levels = last_levels(path, steps)
    x = path.latents.at(levels[0]).to(start.context.device)
    said, errors, spent = [], [], 0
    for here, there in pairwise(levels):
        target = path.latents.at(there).to(x)
        variable = _Embedding(start, how.rate)

        def render(rows: Tensor, x: Tensor = x, here: float = here, there: float = there, v: _Embedding = variable):
            return euler_step(denoiser, x, here, there, v.now())

        def objective(reached: Tensor, rows: Tensor, progress: float, target: Tensor = target) -> Terms:
            error = (reached - target).square().mean()[None]
            return Terms({"error": error}, error, error.detach() <= how.tolerance)

        spent += optimise(variable, render, objective, settings, on_step).iterations
        start = variable.now(detached=True)
        with torch.no_grad():
            x = euler_step(denoiser, x, here, there, start)
        said.append(start)
        errors.append(float((x - target).square().mean()))
    return ShortPath(levels, said, errors, spent)


def euler_step(denoiser: Denoiser, x: Tensor, here: float, there: float, said: Conditioning) -> Tensor:
    """One step of the path; DDIM's, on Stable Diffusion."""
    return x + (there - here) * velocity(denoiser, x, here, said)


def walk(denoiser: Denoiser, x: Tensor, path: ShortPath) -> Tensor:
    """Down the short path with what was learned; differentiable in x."""
    for here, there in pairwise(path.sigmas):
        x = euler_step(denoiser, x, here, there, path.at(here))
    return x


def unlearned(path: Trajectory, said: Conditioning, steps: int = PUBLISHED_STEPS) -> ShortPath:
    """The same short path with one conditioning throughout: what learning is compared with."""
    levels = last_levels(path, steps)
    return ShortPath(levels, [said] * steps, [])


@torch.no_grad()
def path_error(denoiser: Denoiser, path: Trajectory, short: ShortPath) -> float:
    """How far the short path ends from the photo's latent (mean squared error)."""
    start = path.latents.at(short.sigmas[0]).to(short.said[0].context.device)
    return float((walk(denoiser, start, short) - path.clean.to(start)).square().mean())
