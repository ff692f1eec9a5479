"""Solvers of dx/dsigma = velocity(x, sigma). Inversion and generation are the same call, run either way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

from ..errors import InputError

SOLVERS = ("euler", "midpoint", "reuse")
"""`euler` (DDIM, on Stable Diffusion), `midpoint` (second order, two evaluations a step), and `reuse`
(midpoint whose first stage is the last step's second: second order, one evaluation a step)."""


@dataclass(frozen=True)
class Stage:
    """Where the solver is asking for a velocity."""

    step: int
    sigma: float
    middle: bool
    """Whether this is the half step."""


@dataclass(frozen=True)
class Moment:
    """What `on_step` is told after every step."""

    step: int
    of: int
    sigma: float
    """The level that `latent` is at now."""
    latent: Tensor
    velocity: Tensor
    """The one the step was taken with."""


Velocity = Callable[[Tensor, Stage], Tensor]


def integrate(
    velocity: Velocity,
    x: Tensor,
    sigmas: Sequence[float],
    solver: str = "midpoint",
    on_step: Callable[[Moment], Tensor | None] = lambda moment: None,
) -> Tensor:
    """Follow the ODE through `sigmas`, in their order. `on_step` may hand back another latent to go on from."""
    if solver not in SOLVERS:
        raise InputError(f"There is no solver '{solver}'. Choose one of: {', '.join(SOLVERS)}.")
    carried: Tensor | None = None
    for step, (here, there) in enumerate(pairwise(sigmas)):
        stride, middle = there - here, (here + there) / 2
        taken = carried if carried is not None else velocity(x, Stage(step, here, False))
        if solver != "euler":
            taken = velocity(x + taken * (middle - here), Stage(step, middle, True))
        if solver == "reuse":
            carried = taken
        x = x + stride * taken
        changed = on_step(Moment(step, len(sigmas) - 1, there, x, taken))
        if changed is not None:
            # A guard moves the latent by little, so the carried velocity still serves; not for rows that are new.
            carried = carried if changed.shape == x.shape else None
            x = changed
    return x


def evaluations(solver: str, steps: int) -> int:
    """How often the model is asked on an undisturbed path."""
    return {"euler": steps, "midpoint": 2 * steps, "reuse": steps + 1}[solver]
