"""A face found in a picture: where it is, and its five points."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def box_of(sides: Iterable[float]) -> Box:
    """Four numbers of whatever kind."""
    left, top, right, bottom = (float(side) for side in sides)
    return left, top, right, bottom


@dataclass(frozen=True, eq=False)
class Face:
    """Detected once on the original and used for every iteration after.

    Coordinates are pixels of the picture it was found in, x to the right and y down, a
    pixel's centre at whole numbers (as in OpenCV).
    """

    box: Box
    points: Tensor
    """(5, 2) float32: the eye, on the picture's left, the eye on its right, nose tip, mouth corner left, right."""
    score: float = 1.0
    number: int | None = None
    """The number by which it is chosen among the faces of its picture; None where they were not numbered."""

    def to(self, device: torch.device | str) -> Face:
        """The same face of the same picture, which has been moved there."""
        return replace(self, points=self.points.to(device))

    @property
    def size(self) -> float:
        """The shorter side of the box, in pixels."""
        left, top, right, bottom = self.box
        return min(right - left, bottom - top)

    @property
    def area(self) -> float:
        left, top, right, bottom = self.box
        return max(0.0, right - left) * max(0.0, bottom - top)

    @property
    def centre(self) -> tuple[float, float]:
        left, top, right, bottom = self.box
        return (left + right) / 2, (top + bottom) / 2


Sitter = tuple[Tensor, Face]
"""A picture (1, 3, H, W) and which of its faces is meant."""


def points_of(faces: Sequence[Face], like: Tensor) -> Tensor:
    """Everybody's points (B, 5, 2), where the picture they lie in is."""
    return torch.stack([face.points for face in faces]).to(like)
