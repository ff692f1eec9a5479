"""Keeping what a search finds within a budget of paint: what of it may show."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch.nn.functional as F
from torch import Tensor

from ..faces.face import Face
from ..perception.looks import look_at, paint_by_place
from ..veil.light import Light

PHASES = (2 / 3, 1 / 3)
"""Shares of a search's iterations. After each of them light is held back where too much of it shows, and the next finds
other places."""
_AT_A_PLACE = 5 / 6
"""The share of what may show on a face, at most, that light may show at any one place: warps show as well."""
_REACH = 9
"""Pixels around a place, as looks are judged, that what shows there is held back in."""

_TRIES = 6
_NEAR = 0.94
"""The share of the budget at which the search for an amount ends: each try renders and judges the whole picture."""

Worn = tuple[Tensor, Tensor]
"""A picture (1, 3, H, W) and the mask of what differs (1, 1, H, W)."""


def split_iterations(count: int, shares: Sequence[float]) -> list[int]:
    """A number of iterations in parts; the last takes what rounding leaves."""
    parts = [round(count * share) for share in shares[:-1]]
    return [*parts, count - sum(parts)]


def hold_back(image: Tensor, changed: Tensor, faces: Sequence[Face], lights: Sequence[Light], most: float) -> None:
    """Leave the lights less at each place of the faces at which they show as more paint than may be."""
    for row, face in enumerate(faces):
        paint, points = paint_by_place(image, changed, face)
        around = F.max_pool2d(paint, _REACH, 1, _REACH // 2)
        share = (_AT_A_PLACE * most / around.clamp_min(1e-6)).clamp(max=1)
        for light in lights:
            light.hold_back(row, share, points)


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
