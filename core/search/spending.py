"""Less than what a search found, where a person has said how much may show."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from ..faces.face import Face
from ..perception.looks import look_at

_TRIES = 6
_NEAR = 0.94
"""The share of what may show that is enough: nobody sees the rest, and each try wears and looks at all of a picture."""

Worn = tuple[Tensor, Tensor]
"""A picture (1, 3, H, W) and the mask of what differs (1, 1, H, W)."""


def within(
    image: Tensor, faces: Sequence[Face], found: Worn, worn: Callable[[float], Worn], most: float
) -> tuple[float, Tensor, Tensor]:
    """The largest share of a change that shows as `most` paint on no face: the share, the picture and its mask.

    `found` is the picture with all of it, `worn` makes the one with a share. Paint grows with the share, often in
    proportion, so that is tried first, and then halves: where motion is no longer recognised as such, paint leaps.
    """

    def paint(picture: Tensor) -> float:
        return max(look_at(image, picture, face).paint for face in faces)

    low, high, best = 0.0, 1.0, (image, found[1] * 0)
    much = paint(found[0])
    if much <= most:
        return 1.0, *found
    share = (1 + _NEAR) / 2 * most / much
    for _ in range(_TRIES):
        less = worn(share)
        shows = paint(less[0])
        if shows > most:
            high = share
        else:
            low, best = share, less
            if shows >= _NEAR * most:
                break
        share = (low + high) / 2
    return low, *best
