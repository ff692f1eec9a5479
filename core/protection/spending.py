"""Less than what a search found, where a person has said how much may show."""

from __future__ import annotations

from torch import Tensor

from ..perception.looks import look_at
from ..veil.change import Change
from .task import Task

_HALVINGS = 6
"""The amount is known to a sixty-fourth; paint hardly differs for less."""


def within(task: Task, variable: Change, found: Tensor, mask: Tensor, most: float) -> tuple[float, Tensor, Tensor]:
    """The largest share of the change that shows as `most` paint on no face: the share, the picture and its mask.

    `found` is the picture with all of it. Paint grows with the share, so halving the range finds it.
    """

    def fits(picture: Tensor) -> bool:
        return all(look_at(task.image, picture, face).paint <= most for face in task.faces)

    if fits(found):
        return 1.0, found, mask
    low, high, best = 0.0, 1.0, (task.image, mask * 0)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        worn = task.paste_all(variable, middle)
        if fits(worn[0]):
            low, best = middle, worn
        else:
            high = middle
    return low, *best
