"""From a picture to noise and back along one model's trajectory, recorded on the way, controlled if asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from ..engines.denoiser import Conditioning, Denoiser, velocity
from ..errors import InputError
from .record import Trajectory
from .solvers import Moment, Stage, integrate
from .values import Injection, Recording

OnStep = Callable[[Moment], Tensor | None]
_UNLIKE = 0.5
"""Of what was recorded: another prompt changes a velocity by a tenth of it, half precision by less, another model by
more than all of it."""


@torch.no_grad()
def invert(
    denoiser: Denoiser,
    clean: Tensor,
    sigmas: Sequence[float],
    conditioning: Conditioning,
    solver: str = "midpoint",
    on_step: Callable[[Moment], None] = lambda moment: None,
    record: int = 0,
) -> Trajectory:
    """The path from a clean latent up to noise. `sigmas` run downwards, as for generation.

    `record`: of how many steps, counted from the most noise, attention values are kept.
    """
    path = Trajectory()
    path.latents.put(sigmas[-1], clean)
    recording = Recording(path, sigmas[record]) if checked_inject(record, sigmas) else None

    def derivative(x: Tensor, stage: Stage) -> Tensor:
        with recording.hearing(stage.sigma) if recording else nullcontext():
            found = velocity(denoiser, x, stage.sigma, conditioning)
        path.velocities.put(stage.sigma, found)
        return found

    def keep(moment: Moment) -> None:
        path.latents.put(moment.sigma, moment.latent)
        on_step(moment)

    integrate(derivative, clean, list(sigmas)[::-1], solver, keep)
    return path


@torch.no_grad()
def refuse_other_model(path: Trajectory, denoiser: Denoiser, conditioning: Conditioning, clean: Tensor) -> None:
    """A model of which the path is none says something else of its `clean` latent than what was recorded."""
    sigma, known = path.velocities.sigmas[0], path.velocities.values[0]
    found = velocity(denoiser, clean, sigma, conditioning)
    # Written so that what is no number is refused as well.
    if not float((found - known.to(found)).norm()) <= _UNLIKE * float(known.norm()):
        raise InputError(
            "The trajectory was made with another model, or with a prompt that says quite another thing: take the ones "
            "it was made with, or invert the picture again."
        )


@dataclass(frozen=True)
class Control:
    """Flux-Guard's trajectory control (Wang et al., arXiv 2606.17606): v = M * v_new + (1 - M) * v_recorded, inside the
    mask M what the model says now, outside what it said of the original.

    `mask` (1 or B, 1, h, w) is soft and of the latent's size. Only levels of noise in [low, high] are
    controlled: at the noisiest the whole picture may follow the prompt, at the end details may settle.
    """

    path: Trajectory
    mask: Tensor
    high: float = 0.8
    low: float = 0.0
    by_time: bool = True
    """Off repeats the published lookup, which takes the velocity recorded at 1 - sigma; kept to be compared."""

    def __call__(self, found: Tensor, stage: Stage) -> Tensor:
        if not self.low <= stage.sigma <= self.high:
            return found
        known = self.path.velocities
        sigma = stage.sigma if self.by_time else self.path.sigmas[0] - stage.sigma
        # Inversion only arrives at the top and never asks there; what it asked last is nearest.
        sigma = min(max(sigma, known.sigmas[0]), known.sigmas[-1])
        return torch.lerp(known.at(sigma).to(found), found, self.mask.to(found))


@torch.no_grad()
def generate(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    conditioning: Conditioning,
    solver: str = "midpoint",
    control: Control | None = None,
    on_step: OnStep = lambda moment: None,
    injection: Injection | None = None,
) -> Tensor:
    """The clean latent at the end of the path from `x`; `on_step` may hand back another latent (a guard does)."""

    def derivative(x: Tensor, stage: Stage) -> Tensor:
        with injection.speaking(stage.sigma) if injection else nullcontext():
            found = velocity(denoiser, x, stage.sigma, conditioning)
        return control(found, stage) if control else found

    return integrate(derivative, x, sigmas, solver, on_step)


def checked_inject(steps: int, sigmas: Sequence[float]) -> int:
    """How many steps take recorded attention values, if so many there are."""
    if not 0 <= steps < len(sigmas):
        raise InputError(
            f"Attention values cannot be injected in {steps} of {len(sigmas) - 1} steps. "
            f"Choose from 0 to {len(sigmas) - 1}; 3 to 5 is usual."
        )
    return steps
