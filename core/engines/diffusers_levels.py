"""Levels of noise of diffusers' schedulers: which sigmas a run passes through, which timestep a sigma belongs to."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ModelError

_LEAST_SIGNAL = 2.0**-24
"""Schedules with zero terminal signal have no finite sigma at their end; diffusers' own stand-in for zero."""


class TrainedLevels:
    """The sigmas a Stable Diffusion was trained at, and its timesteps; between two of them, the line in log sigma."""

    def __init__(self, scheduler: Any, name: str) -> None:
        signal = getattr(scheduler, "alphas_cumprod", None)
        if signal is None:
            raise ModelError(f"The scheduler of {name} ({type(scheduler).__name__}) tells nothing of its noise levels.")
        self.scheduler = scheduler
        signal = np.clip(signal.detach().cpu().double().numpy(), _LEAST_SIGNAL, None)
        self._logs = np.log((1 - signal) / signal) / 2
        self._times = np.arange(len(signal), dtype=np.float64)

    def sigma(self, timestep: float) -> float:
        return float(np.exp(np.interp(timestep, self._times, self._logs)))

    def timestep(self, sigma: float) -> float:
        return float(np.interp(np.log(max(sigma, 1e-9)), self._logs, self._times))

    def sigmas(self, steps: int) -> list[float]:
        """Where the pipeline's own scheduler would ask the model; then 0."""
        times = _times(type(self.scheduler), self.scheduler, steps)
        if len(times) != steps:
            # Schedulers that ask at half steps as well: their spacing, without those.
            from diffusers import DDIMScheduler

            times = _times(DDIMScheduler, self.scheduler, steps)
        return [*(self.sigma(time) for time in times), 0.0]


def _times(kind: Any, scheduler: Any, steps: int) -> list[float]:
    fresh = kind.from_config(scheduler.config)  # The pipeline's own keeps its state.
    fresh.set_timesteps(steps)
    return sorted({float(time) for time in fresh.timesteps}, reverse=True)


def flow_sigmas(scheduler: Any, steps: int, tokens: int, from_one: bool) -> list[float]:
    """Levels of a flow model; large pictures (many `tokens`) stay longer at much noise where the scheduler says so.

    `from_one` starts from evenly spaced levels, 1 first, as Flux' pipeline does; else the scheduler spaces them.
    """
    from diffusers import FlowMatchEulerDiscreteScheduler

    # Other schedulers name their fixed shift otherwise.
    shift = scheduler.config.get("shift", scheduler.config.get("flow_shift", 1.0))
    fresh = FlowMatchEulerDiscreteScheduler.from_config(scheduler.config, shift=shift)
    known = fresh.config
    slope = (known.max_shift - known.base_shift) / (known.max_image_seq_len - known.base_image_seq_len)
    shift_here = known.base_shift + slope * (tokens - known.base_image_seq_len)
    even = np.linspace(1.0, 1 / steps, steps) if from_one else None
    fresh.set_timesteps(steps, sigmas=even, mu=shift_here)
    return [float(sigma) for sigma in fresh.sigmas]
