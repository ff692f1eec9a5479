"""Films of phones lie on their side and say so: faces are looked for as a player shows them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ..faces.face import Face
from ..faces.find import follow_face
from .track import all_faces

Look = Callable[[Tensor], list[Face]]
Follow = Callable[[Tensor, Face], Face | None]


def turned(quarters: int, detector: str = "auto") -> tuple[Look, Follow]:
    """What finds all faces, and follows a known one, in pictures (1, 3, h, w) that are first turned by so many quarters
    counter-clockwise; faces come back in the coordinates of the picture as it was given."""
    quarters %= 4
    if not quarters:
        return partial(all_faces, detector=detector), follow_face

    def look(picture: Tensor) -> list[Face]:
        height, width = picture.shape[-2:]
        return [_back(face, quarters, height, width) for face in all_faces(picture.rot90(quarters, (2, 3)), detector)]

    def follow(picture: Tensor, face: Face) -> Face | None:
        height, width = picture.shape[-2:]
        upright = picture.rot90(quarters, (2, 3))
        there = follow_face(upright, _back(face, -quarters % 4, *upright.shape[-2:]))
        return None if there is None else _back(there, quarters, height, width)

    return look, follow


def _back(face: Face, quarters: int, height: int, width: int) -> Face:
    left, top, right, bottom = face.box
    corners = _points_back(torch.tensor([[left, top], [right, bottom]]), quarters, height, width)
    (left, top), (right, bottom) = corners.amin(0).tolist(), corners.amax(0).tolist()
    return Face((left, top, right, bottom), _points_back(face.points, quarters, height, width), face.score)


def _points_back(points: Tensor, quarters: int, height: int, width: int) -> Tensor:
    """Points (N, 2) of the turned picture in the one of this height and width."""
    x, y = points.unbind(-1)
    ways = {1: (width - 1 - y, x), 2: (width - 1 - x, height - 1 - y), 3: (y, height - 1 - x)}
    return torch.stack(ways[quarters], -1)
