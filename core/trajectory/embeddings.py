"""Learned unconditional embeddings: one for each of the last steps, so that the short denoising path ends at the photo.

Null-text inversion without guidance. What the path can reproduce it need not wash away: that is how
"Enhancing Facial Privacy Protection via Weakening Diffusion Purification" (Salar et al., CVPR 2025, arXiv 2503.10350)
keeps what an optimiser put there. Each step's loss is |step(z, embedding) - z'|^2, with z' the inverted latent of the
next level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from ..engines.denoiser import Conditioning, Denoiser, velocity
from ..errors import InputError, ModelError
from ..optimise import Settings, Step, Terms, optimise
from .record import Trajectory
from .solvers import integrate

PUBLISHED_STEPS = 3
"""Of 20: the path is short, for every step purifies."""


@dataclass(frozen=True)
class Learning:
    """How to learn; as published unless said otherwise."""

    iterations: int = 20
    """For each step; 0 learns nothing and takes the conditioning as it is."""
    rate: float = 0.1
    tolerance: float = 0.0
    """A picture is done with a step whose mean squared error is no larger; 0 runs all iterations, as published."""
    best: bool = False
    """Begin each step with what is nearer of the last step's embedding and the original one, and keep the best
    iterate, so that learning never makes a step worse. Off begins with the last step's and keeps the last iterate,
    as published."""

    @property
    def settings(self) -> Settings:
        patience = 1 if self.tolerance else 0
        return Settings(self.iterations, method="adamw", betas=(0.9, 0.999), patience=patience)


@dataclass(frozen=True)
class ShortPath:
    """The last steps of a trajectory, each with the conditioning that was learned for it."""

    sigmas: list[float]
    conditionings: list[Conditioning]
    errors: list[float]
    """Mean squared error of each step at its end."""
    iterations: int = 0
    latents: tuple[Tensor, ...] = ()
    """Where the path passes when nothing is changed, from its start to its end."""

    def at(self, sigma: float) -> Conditioning:
        """The conditioning of the step that leaves from sigma; matched by level, not by counting calls."""
        distance = [abs(level - sigma) for level in self.sigmas[:-1]]
        return self.conditionings[distance.index(min(distance))]


class _Embedding:
    """A conditioning of one row a picture, each of which can be moved on its own."""

    def __init__(self, conditioning: Conditioning, pictures: int, rate: float) -> None:
        self.rate, self.conditioning = rate, conditioning
        parts = [conditioning.context] if conditioning.pooled is None else [conditioning.context, conditioning.pooled]
        self.parts = [_movable(part, pictures) for part in parts]
        self.kept = [part.detach().clone() for part in self.parts]
        self.lowest = torch.full((pictures,), float("inf"), device=conditioning.context.device)

    def groups(self) -> Iterator[tuple[Tensor, float]]:
        for part in self.parts:
            yield part, self.rate

    def now(self, rows: Tensor) -> Conditioning:
        return self._with([part[rows] for part in self.parts])

    def keep_better(self, rows: Tensor, errors: Tensor) -> None:
        """Remember the rows whose errors are lower than ever."""
        errors = errors.to(self.lowest)
        better = rows[(errors < self.lowest[rows]).to(rows.device)]
        self.lowest[rows] = torch.minimum(self.lowest[rows], errors)
        for kept, part in zip(self.kept, self.parts, strict=True):
            kept[better] = part.detach()[better]

    def result(self, best: bool) -> Conditioning:
        return self._with([part.detach().clone() for part in (self.kept if best else self.parts)])

    def _with(self, parts: list[Tensor]) -> Conditioning:
        # Nothing is led away from: the embedding alone is what the model hears.
        return replace(self.conditioning, context=parts[0], pooled=parts[1] if len(parts) > 1 else None, negative=None)


def _movable(part: Tensor, pictures: int) -> Tensor:
    """A copy a picture, in a precision that small steps do not vanish in."""
    exact = part.detach().to(torch.promote_types(part.dtype, torch.float32))
    return exact.expand(pictures, *part.shape[1:]).clone().requires_grad_()


def of_rows(conditioning: Conditioning, rows: Tensor) -> Conditioning:
    """The conditioning of some of the pictures; one row serves them all."""
    if len(conditioning.context) == 1:
        return conditioning
    here = rows.to(conditioning.context.device)
    pooled = None if conditioning.pooled is None else conditioning.pooled[here]
    return replace(conditioning, context=conditioning.context[here], pooled=pooled)


def last_levels(levels: Sequence[float], steps: int) -> list[float]:
    """The levels of the last `steps` steps of a schedule, down to the clean latent."""
    if not 1 <= steps < len(levels):
        raise InputError(
            f"The last {steps} steps of a schedule of {len(levels) - 1} were asked for. "
            "Choose fewer steps to work on, or a schedule of more."
        )
    return list(levels[-(steps + 1) :])


def learn_embeddings(
    denoiser: Denoiser,
    path: Trajectory,
    start: Conditioning,
    steps: int = PUBLISHED_STEPS,
    learning: Learning | None = None,
    on_step: Callable[[Step], None] = lambda step: None,
    landing: Callable[[int], AbstractContextManager[None]] = lambda step: nullcontext(),
) -> ShortPath:
    """One conditioning a step, each begun where the last one ended; `start` is usually the empty prompt's.

    The steps taken with what was learned are the unchanged branch: `landing(step)` is entered around each of
    them, so that what others need to know of that branch can be recorded without asking the model again.
    """
    how = learning or Learning()
    levels = last_levels(path.sigmas, steps)
    x = path.latents.at(levels[0]).to(start.context.device)
    every = torch.arange(len(x))
    passed, errors, spent, original = [x], [], 0, start
    learned: list[Conditioning] = []
    for index, (here, there) in enumerate(pairwise(levels)):
        target = path.latents.at(there).to(x)
        if how.best and learned:
            start = nearer(denoiser, x, here, there, target, learned[-1], original)
        variable = _Embedding(start, len(x), how.rate)

        def render(
            rows: Tensor, x: Tensor = x, here: float = here, there: float = there, v: _Embedding = variable
        ) -> Tensor:
            return step_down(denoiser, x[rows], here, there, v.now(rows))

        def objective(
            reached: Tensor, rows: Tensor, progress: float, target: Tensor = target, v: _Embedding = variable
        ) -> Terms:
            if not reached.requires_grad:
                raise ModelError(
                    f"The model '{denoiser.name}' gives its conditioning no gradient, so no embedding can be learned."
                )
            error = (reached - target[rows]).square().flatten(1).mean(1)
            v.keep_better(rows, error.detach())
            return Terms({"error": error}, error, error.detach() <= how.tolerance)

        spent += optimise(variable, render, objective, how.settings, on_step).iterations
        start = variable.result(how.best and how.iterations > 0)
        with torch.no_grad(), landing(index):
            x = step_down(denoiser, x, here, there, of_rows(start, every))
        passed.append(x)
        learned.append(start)
        errors.append(float((x - target).square().mean()))
    return ShortPath(levels, learned, errors, spent, tuple(passed))


def step_down(denoiser: Denoiser, x: Tensor, here: float, there: float, conditioning: Conditioning) -> Tensor:
    """One step of the path: Euler's, which is DDIM's on Stable Diffusion."""
    return integrate(lambda x, stage: velocity(denoiser, x, stage.sigma, conditioning), x, [here, there], "euler")


@torch.no_grad()
def nearer(
    denoiser: Denoiser, x: Tensor, here: float, there: float, target: Tensor, first: Conditioning, second: Conditioning
) -> Conditioning:
    """For each picture that conditioning of the two whose step ends nearer to its target."""
    errors = [
        (step_down(denoiser, x, here, there, each) - target).square().flatten(1).mean(1) for each in (first, second)
    ]
    second = second.repeated(len(x))
    better = errors[1] < errors[0]
    pooled = first.pooled
    if pooled is not None and second.pooled is not None:
        pooled = torch.where(better[:, None], second.pooled, pooled)
    return replace(first, context=torch.where(better[:, None, None], second.context, first.context), pooled=pooled)


def walk(denoiser: Denoiser, x: Tensor, path: ShortPath) -> Tensor:
    """Down the short path with what was learned; differentiable in x."""
    for here, there in pairwise(path.sigmas):
        x = step_down(denoiser, x, here, there, path.at(here))
    return x


def unlearned(path: Trajectory, conditioning: Conditioning, steps: int = PUBLISHED_STEPS) -> ShortPath:
    """The same short path with one conditioning throughout: what learning is compared with."""
    return ShortPath(last_levels(path.sigmas, steps), [conditioning] * steps, [])


@torch.no_grad()
def short_path_error(denoiser: Denoiser, path: Trajectory, short: ShortPath) -> float:
    """How far the short path ends from the photo's latent (mean squared error)."""
    start = path.latents.at(short.sigmas[0]).to(short.conditionings[0].context.device)
    return float((walk(denoiser, start, short) - path.clean.to(start)).square().mean())
