"""Less than what a search found, where a person has said how much may show."""

from __future__ import annotations

from torch import Tensor

from ..perception.looks import look_at
from ..veil.change import Change
from ..veil.wear import wear
from .task import Task

_HALVINGS = 6
"""The amount is known to a sixty-fourth; paint hardly differs for less."""


def within(task: Task, variable: Change, most: float) -> tuple[float, Tensor, Tensor]:
    """The largest share of the change that shows as `most` paint on no face: the share, the picture and its mask.

    Paint grows with the share, so halving the range finds it.
    """

    def worn(amount: float) -> tuple[Tensor, Tensor, bool]:
        image, mask = wear(task.image, task.faces, task.windows, variable, task.allowed, amount)
        return image, mask, all(look_at(task.image, image, face).paint <= most for face in task.faces)

    image, mask, fits = worn(1.0)
    if fits:
        return 1.0, image, mask
    low, high, best = 0.0, 1.0, (task.image, mask * 0)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        image, mask, fits = worn(middle)
        if fits:
            low, best = middle, (image, mask)
        else:
            high = middle
    return low, *best
