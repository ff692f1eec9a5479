"""The one optimisation loop of the project.

It knows nothing of faces: it moves a variable so that what `render` makes of it lowers what
`objective` says, row by row, and stops working on rows that have won.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from .descent import descent
from .errors import InputError, ModelError

LOSS_SCALE = 2.0**24
"""The total is multiplied by this before its gradient is taken, and the gradient divided: float16 has nothing below
6e-8, where most of them would lie. A power of two changes no bit in other precisions."""
_SCALE_STEP = 2.0**8
"""The loss scale is divided by this, and the iteration repeated, where float16 overflows."""


_COMPARED = 20
"""Searches of at least so many steps end with their best one; shorter ones with their last."""
_VIEWS = 4
"""Steps over which scores are averaged before they are compared: about one round of the views."""


class Variable(Protocol):
    """Something to optimise."""

    def groups(self) -> Iterator[tuple[Tensor, float]]:
        """Parameters, one row per thing that is optimised on its own, each with its learning rate."""


def refuse_seed(seed: object) -> None:
    """Refuse an unusable seed before any work: torch does so only in the middle of it, and not for all of them."""
    if not isinstance(seed, int) or not 0 <= seed < 2**64:
        raise InputError(f"A seed is a whole number from 0 to 2**64 - 1, which '{str(seed)[:40]}' is not.")


@dataclass(frozen=True)
class Terms:
    """What the objective says of one iteration. Every tensor has one entry per row that was asked about."""

    values: dict[str, Tensor]
    """Each term by name, unweighted; progress, plots and the report read these."""
    total: Tensor
    """The weighted sum that is minimised."""
    won: Tensor
    """Whether the row has all it was asked for."""
    score: Tensor | None = None
    """What steps are compared by, lower is better; None where they do not compare, and the last is kept."""


@dataclass(frozen=True)
class Settings:
    """How to optimise. `scale` multiplies the variable's own learning rates."""

    iterations: int = 100
    scale: float = 1.0
    method: str = "adam"
    """"adam", "adamw", or "sign" (steps of fixed size along the gradient's sign: the classic baseline)."""
    betas: tuple[float, float] = (0.9, 0.99)
    patience: int = 12
    """Iterations in a row that a row must have won before it counts as done; 0 never stops early."""


@dataclass(frozen=True)
class Step:
    """What `on_step` is told after each iteration; it may raise `Cancelled`."""

    index: int
    of: int
    rows: Tensor
    terms: Terms
    done: Tensor


@dataclass
class Outcome:
    """What became of a run."""

    iterations: int = 0
    row_iterations: int = 0
    """Iterations summed over the rows that took part in them."""
    done: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.bool))
    """Which rows were won; no rows where nothing ran."""
    history: list[dict[str, float]] = field(default_factory=list)
    """Each term's mean over the working rows, by iteration."""

    def __add__(self, later: Outcome) -> Outcome:
        """Two runs of the same rows, one after the other."""
        return Outcome(
            self.iterations + later.iterations,
            self.row_iterations + later.row_iterations,
            later.done,
            self.history + later.history,
        )


def optimise(
    variable: Variable,
    render: Callable[[Tensor], Tensor],
    objective: Callable[[Tensor, Tensor, float], Terms],
    settings: Settings,
    on_step: Callable[[Step], None] = lambda step: None,
) -> Outcome:
    """Move `variable` in place.

    `render(rows)` makes pictures (A, 3, H, W) of the rows; `objective(pictures, rows, progress)`
    judges them. Rows that are done keep their parameters exactly and cost nothing more; the others end with the best
    that they had, not with the last.
    """
    groups = list(variable.groups())
    parameters = [parameter for parameter, _ in groups]
    count = len(parameters[0])
    won_in_a_row = torch.zeros(count, dtype=torch.long)
    done = torch.zeros(count, dtype=torch.bool)
    update = descent(
        ((parameter, rate * settings.scale) for parameter, rate in groups), settings.method, settings.betas
    )
    best = _Best(parameters, count) if settings.iterations >= _COMPARED else None
    outcome, loss_scale = Outcome(), LOSS_SCALE
    for index in range(settings.iterations):
        rows = (~done).nonzero()[:, 0]
        progress = index / max(settings.iterations - 1, 1)
        while True:
            with torch.enable_grad():
                terms = objective(render(rows), rows, progress)
                gradients = torch.autograd.grad(terms.total.sum() * loss_scale, parameters, allow_unused=True)
            if loss_scale <= 1 or _finite(gradients) or not _finite(terms.values.values()):
                break
            loss_scale /= _SCALE_STEP
        _refuse_nan(terms, gradients)
        if best:
            best.see(rows, terms.score)
        kept = [parameter.detach()[done] for parameter in parameters]
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = None if gradient is None else gradient / loss_scale
        update.step()
        with torch.no_grad():
            for parameter, value in zip(parameters, kept, strict=True):
                parameter[done] = value
        won_in_a_row[rows] = torch.where(terms.won.cpu(), won_in_a_row[rows] + 1, 0)
        if settings.patience:
            done = won_in_a_row >= settings.patience
        outcome.iterations, outcome.row_iterations = index + 1, outcome.row_iterations + len(rows)
        outcome.history.append({name: float(value.detach().mean()) for name, value in terms.values.items()})
        on_step(Step(index, settings.iterations, rows, terms, done))
        if done.all():
            break
    if best:
        best.take(~done)
    outcome.done = done
    return outcome


class _Best:
    """The parameters that scored best so far, row by row."""

    def __init__(self, parameters: list[Tensor], count: int) -> None:
        self.parameters, self.kept = parameters, [parameter.detach().clone() for parameter in parameters]
        self.running, self.least = torch.full((count,), torch.nan), torch.full((count,), torch.inf)
        self.seen = torch.zeros(count, dtype=torch.long)

    def see(self, rows: Tensor, score: Tensor | None) -> None:
        """Called before the step. The running mean of scores counts, for a single one depends on the view that was
        drawn."""
        if score is None or any(len(parameter) != len(self.running) for parameter in self.parameters):
            return
        now = score.detach().cpu().float()
        before = self.running[rows]
        self.running[rows] = torch.where(before.isnan(), now, before + (now - before) / _VIEWS)
        self.seen[rows] += 1
        better = rows[(self.running[rows] < self.least[rows]) & (self.seen[rows] >= _VIEWS)]
        self.least[better] = self.running[better]
        for parameter, kept in zip(self.parameters, self.kept, strict=True):
            kept[better] = parameter.detach()[better]

    def take(self, rows: Tensor) -> None:
        """Give these rows (a mask) the best that they had."""
        rows = rows & self.least.isfinite()
        with torch.no_grad():
            for parameter, kept in zip(self.parameters, self.kept, strict=True):
                parameter[rows] = kept[rows]


def _refuse_nan(terms: Terms, gradients: tuple[Tensor | None, ...]) -> None:
    for name, value in terms.values.items():
        if not _finite([value]):
            raise ModelError(
                f"The term '{name}' became NaN; a model returned invalid numbers. Try float32 weights or another model."
            )
    if not _finite(gradients):
        raise ModelError(
            "A gradient became NaN; a model returned invalid numbers. Try float32 weights or another model."
        )


def _finite(tensors: Iterable[Tensor | None]) -> bool:
    return all(tensor is None or bool(torch.isfinite(tensor).all()) for tensor in tensors)
