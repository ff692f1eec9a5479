"""What is wished for, and what follows from it before any model is asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite

from torch import Tensor

from ..engines.denoiser import MOST_STEPS, Denoiser, checked_steps
from ..errors import InputError
from ..trajectory.paths import checked_inject

EDITORS = ("invert", "flow")
"""`invert` goes up the original's trajectory and comes down with the new prompt; `flow` integrates the difference
of the two prompts' velocities from the original itself: no inversion, a rougher hold on what is there."""


@dataclass(frozen=True)
class Edit:
    """What to do, as an artist says it."""

    prompt: str
    source_prompt: str = ""
    """What the original is; the empty prompt says nothing of light or colour."""
    guidance: float | None = None
    """How strongly the prompt is taken; None is the model's own habit."""
    source_guidance: float | None = 1.0
    """1 follows the source prompt plainly: guidance would lead off the path that has to be retraced."""
    steps: int = 25
    solver: str = "reuse"
    editor: str = "invert"
    start: float = 1.0
    """Share of the path that is travelled: less keeps more of the original's layout."""
    high: float = 0.8
    low: float = 0.0
    """Levels of noise between which what lies outside the mask is held on the original's path."""
    by_time: bool = True
    """Off repeats the published lookup of recorded velocities (`Control.by_time`)."""
    inject: int | None = 0
    """In how many of the first steps the original's attention values are used; None goes by the mask (`injected`)."""
    shared: bool = True
    """Off follows a second branch from the first step on, as published, and not only from where it is guarded."""
    seed: int = 0
    """Noise of the `flow` editor; `invert` draws none."""


def published(edit: Edit) -> Edit:
    """Flux-Guard's own settings for the same wish.

    Midpoint solver, 25 steps, both branches from the start, attention values injected, and velocities looked up the
    wrong way. Outside the mask the picture is held in all steps but the first and the last five.
    """
    edit = replace(edit, editor="invert", solver="midpoint", steps=25, start=1.0, high=0.8, low=0.2)
    return replace(edit, by_time=False, inject=None, shared=False)


def refuse_unusable(edit: Edit, mask: Tensor) -> None:
    """Say no before any work is done."""
    if not bool((mask > 0).any()):
        raise InputError("The mask is empty, so nothing would be edited. Paint it over the part to edit.")
    if edit.editor not in EDITORS:
        raise InputError(f"There is no editor '{edit.editor}'. Choose one of: {', '.join(EDITORS)}.")
    if edit.inject and edit.editor != "invert":
        raise InputError(
            f"The editor '{edit.editor}' follows no trajectory, so there are no attention values to inject. Inject 0."
        )
    for guidance in (edit.guidance, edit.source_guidance):
        if guidance is not None and not isfinite(guidance):
            raise InputError(f"A guidance of {guidance} makes no sense: it is a number such as 4.")
    checked_steps(edit.steps)
    if not 0 < edit.start <= 1:
        raise InputError(f"A start of {edit.start} makes no sense: it is a share of the path, above 0 and up to 1.")
    if round(edit.steps / edit.start) > MOST_STEPS:
        raise InputError(
            f"{edit.steps} steps do not fit into a start of {edit.start}: choose {edit.steps / MOST_STEPS} or more, or "
            "fewer steps."
        )


def levels(edit: Edit, denoiser: Denoiser, latent: Tensor) -> list[float]:
    """The levels of noise of one run, from its start down to 0."""
    every = denoiser.sigmas(max(1, round(edit.steps / edit.start)), (latent.shape[-2], latent.shape[-1]))
    return every[-(edit.steps + 1) :]


def injected(edit: Edit, mask: Tensor, sigmas: list[float]) -> int:
    """In how many steps values are injected: 3 for a mask of less than a tenth of the picture, else 5, as published."""
    if edit.inject is not None:
        return checked_inject(edit.inject, sigmas)
    if edit.editor != "invert":
        return 0
    return min(len(sigmas) - 1, 3 if float((mask > 0).float().mean()) < 0.1 else 5)
