"""From the original's latent to the edited one: along its own trajectory, or without inverting it."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..engines.denoiser import Denoiser, noised, seeded_noise, velocity
from ..trajectory.paths import Control, OnStep, generate, invert
from ..trajectory.record import Trajectory
from ..trajectory.solvers import Moment, Stage, integrate
from ..trajectory.values import Injection
from .wish import Edit


def along_the_path(
    clean: Tensor,
    mask: Tensor,
    edit: Edit,
    inject: int,
    sigmas: list[float],
    denoiser: Denoiser,
    on_step: OnStep,
    known: Trajectory | None = None,
) -> tuple[Tensor, Trajectory]:
    """Up the original's path, unless that is known, and down with the new prompt."""
    source = denoiser.describe([edit.source_prompt], edit.source_guidance)
    target = denoiser.describe([edit.prompt], edit.guidance)
    path = invert(denoiser, clean, sigmas, source, edit.solver, record=inject) if known is None else known
    top = sigmas[0]
    start = path.latents.at(top).to(clean)
    start = start if edit.shared else torch.cat([start, start])
    control = Control(path, mask, edit.high * top, edit.low * top, edit.by_time)
    injection = Injection(path, sigmas[inject]) if inject else None
    return generate(denoiser, start, sigmas, target, edit.solver, control, on_step, injection), path


def without_inversion(
    clean: Tensor, mask: Tensor, edit: Edit, sigmas: list[float], denoiser: Denoiser, on_step: OnStep
) -> Tensor:
    """The same noise on the original and on the edit so far; the difference of their velocities moves the edit."""
    source = denoiser.describe([edit.source_prompt], edit.source_guidance)
    target = denoiser.describe([edit.prompt], edit.guidance)
    noise = seeded_noise(clean, edit.seed)

    def difference(x: Tensor, stage: Stage) -> Tensor:
        known = noised(denoiser, clean, noise, stage.sigma)
        there = velocity(denoiser, x + known - clean, stage.sigma, target)
        return mask * (there - velocity(denoiser, known, stage.sigma, source))

    def settled(moment: Moment) -> Tensor | None:
        # What is integrated here is clean already: nothing of the path remains to be taken off.
        return on_step(replace(moment, velocity=torch.zeros_like(moment.velocity)))

    return integrate(difference, clean, sigmas, "euler", settled)
