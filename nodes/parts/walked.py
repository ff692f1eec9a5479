"""What Invert to Trajectory hands on. No ComfyUI import."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.errors import InputError
from ...core.trajectory.embeddings import ShortPath
from ...core.trajectory.record import Trajectory

FOLDER = Path("faceveil") / "trajectories"
"""Where trajectories lie inside ComfyUI's folders."""


@dataclass(frozen=True)
class Walked:
    """Pictures' path up to noise in the space that one model samples in, and what was learned of its last steps."""

    path: Trajectory
    prompt: Any
    """The CONDITIONING that the way up followed."""
    short: ShortPath | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.path.clean.shape)

    def learned(self) -> ShortPath:
        if self.short is None:
            raise InputError(
                "No embeddings were learned for this trajectory. Put Learn Unconditional Embeddings in between; with 0 "
                "iterations it takes the prompt as it is."
            )
        return self.short

    def refuse_other(self, shape: Sequence[int], what: str) -> None:
        """A trajectory belongs to the latents that it was made of."""
        if tuple(shape) != self.shape:
            ours, theirs = (" x ".join(map(str, each)) for each in (self.shape, shape))
            raise InputError(
                f"The trajectory is of latents of {ours} and {what} of {theirs}. Connect the ones it was made of."
            )


def refuse_unending(levels: Sequence[float]) -> None:
    if len(levels) < 2 or levels[-1] != 0:
        raise InputError("The sigmas have to run down to 0, with one step at least. Connect a Basic Scheduler.")
