"""A protected face as an opponent has it: a picture of little more than the face, and where it lies."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..faces.crops import resize, window_around
from ..faces.face import Face

SIDE = 256
"""Pixels to which a larger face is brought: strengths in pixels then mean the same on every photo, and a recogniser,
which sees 112 to 224 pixels, misses nothing."""
_MARGIN = 0.6
_MIRRORED = (1, 0, 2, 4, 3)
"""Left and right change places in a mirror."""


@dataclass(frozen=True)
class Scene:
    """What a judge is shown. `picture` is (1, 3, h, w)."""

    picture: Tensor
    face: Face
    others: tuple[Scene, ...] = ()
    """Other photos of the person, which an opponent who looks for somebody has."""

    def pixels(self, strength: float) -> float:
        """A length that was named for a face of `SIDE`, in this picture."""
        return strength * _longer(self.face) / SIDE

    def with_picture(self, picture: Tensor) -> Scene:
        return replace(self, picture=picture.clamp(0, 1))

    def mirrored(self) -> Scene:
        last = self.picture.shape[-1] - 1
        left, top, right, bottom = self.face.box
        points = self.face.points[list(_MIRRORED)]
        points = torch.stack([last - points[:, 0], points[:, 1]], 1)
        face = Face((last - right, top, last - left, bottom), points, self.face.score)
        return replace(self, picture=self.picture.flip(-1), face=face)


def scene_of(picture: Tensor, face: Face, others: tuple[Scene, ...] = ()) -> Scene:
    """The face of a picture (1, 3, H, W) with a margin, at most `SIDE` pixels large."""
    window = window_around(face, _MARGIN).inside(*picture.shape[-2:])
    scale = min(1.0, SIDE / _longer(face))
    height, width = (max(16, round(side * scale)) for side in (window.height, window.width))
    corners = window.scaled(face.points.new_tensor(face.box).view(2, 2), height, width)
    there = Face(tuple(corners.flatten().tolist()), window.scaled(face.points, height, width), face.score)
    return Scene(resize(window.cut(picture), height, width), there, others)


def _longer(face: Face) -> float:
    left, top, right, bottom = face.box
    return max(right - left, bottom - top)
