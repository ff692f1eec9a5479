"""Less than what a search found, where a person has said how much may show."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from ..faces.face import Face
from ..perception.looks import look_at

_HALVINGS = 6
"""The amount is known to a sixty-fourth; paint hardly differs for less."""

Worn = tuple[Tensor, Tensor]
"""A picture (1, 3, H, W) and the mask of what differs (1, 1, H, W)."""


def within(
    image: Tensor, faces: Sequence[Face], found: Worn, worn: Callable[[float], Worn], most: float
) -> tuple[float, Tensor, Tensor]:
    """The largest share of a change that shows as `most` paint on no face: the share, the picture and its mask.

    `found` is the picture with all of it, `worn` makes the one with a share. Paint grows with the share, so halving the
    range finds it.
    """

    def fits(picture: Tensor) -> bool:
        return all(look_at(image, picture, face).paint <= most for face in faces)

    if fits(found[0]):
        return 1.0, *found
    low, high, best = 0.0, 1.0, (image, found[1] * 0)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        less = worn(middle)
        if fits(less[0]):
            low, best = middle, less
        else:
            high = middle
    return low, *best
