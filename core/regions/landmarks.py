"""Regions drawn along 68 landmarks (iBUG's order: jaw, brows, nose, eyes, lips): outlines instead of ovals.

Which network found the points does not matter here. Hair has no landmark; it is left to others.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..faces.face import Face
from .polygons import soft_polygon

Find = Callable[[Face], Tensor]
"""The 68 points (68, 2) of a face, in pixels of the picture."""

# fmt: off
FROM_106 = (
    1, 10, 12, 14, 16, 3, 5, 7, 0, 23, 21, 19, 32, 30, 28, 26, 17,
    43, 48, 49, 51, 50,
    102, 103, 104, 105, 101,
    72, 73, 74, 86, 78, 79, 80, 85, 84,
    35, 41, 42, 39, 37, 36,
    89, 95, 96, 93, 91, 90,
    52, 64, 63, 71, 67, 68, 61, 58, 59, 53, 56, 55,
    65, 66, 62, 70, 69, 57, 60, 54,
)
# fmt: on
"""Where each of the 68 points stands among the 106 of InsightFace's landmark models: jaw, brows, nose, eyes, lips."""


class Landmarks:
    """A geometry (`regions.Geometry`) of one picture."""

    def __init__(self, find: Find) -> None:
        self.find = find
        self._known: dict[Face, Outlines] = {}

    def drawn(self, face: Face, region: str, height: int, width: int, softness: float) -> Tensor | None:
        """The region's mask; None for those that no landmark tells."""
        if region not in SHAPES:
            return None
        if face not in self._known:
            self._known[face] = Outlines(self.find(face))
        inside, outside = SHAPES[region]
        outlines = self._known[face]
        mask = torch.zeros(1, 1, height, width)
        for name in inside:
            for corners in getattr(outlines, name)():
                mask = torch.maximum(mask, soft_polygon(corners, height, width, softness))
        for name in outside:
            for corners in getattr(outlines, name)():
                # What is cut out is thin: with a soft rim hardly anything of it would be.
                mask = mask * (1 - soft_polygon(corners, height, width, 0.2 * softness))
        return mask


class Outlines:
    """Polygons of a face's parts; where landmarks leave off, drawn in proportion to what they say."""

    def __init__(self, points: Tensor) -> None:
        self.points = points.detach().cpu().float()
        self.eyes_apart = float((self.points[36:42].mean(0) - self.points[42:48].mean(0)).norm())
        up = self.points[27] - self.points[8]
        self.up = up / up.norm().clamp_min(1e-6)

    def lips(self) -> list[Tensor]:
        return [self.points[48:60]]

    def mouth(self) -> list[Tensor]:
        return [_grown(self.points[48:60], 1.2)]

    def opening(self) -> list[Tensor]:
        """Between the lips."""
        return [self.points[60:68]]

    def eyes(self) -> list[Tensor]:
        return [_grown(eye, 1.25) for eye in self._eyes()]

    def irises(self) -> list[Tensor]:
        return [_circle(eye.mean(0), 0.26 * float((eye[3] - eye[0]).norm())) for eye in self._eyes()]

    def brows(self) -> list[Tensor]:
        thick = 0.07 * self.eyes_apart * self.up
        return [torch.cat([brow + thick, brow.flip(0) - thick]) for brow in self._brows()]

    def lids(self) -> list[Tensor]:
        """From the upper lashes most of the way to the brow."""
        made = []
        for eye, brow in zip(self._eyes(), self._brows(), strict=True):
            lashes = _grown(eye, 1.15)[:4]
            made.append(torch.cat([lashes, torch.lerp(lashes, brow[[0, 1, 3, 4]], 0.75).flip(0)]))
        return made

    def glasses(self) -> list[Tensor]:
        return [_circle(eye.mean(0), 0.45 * self.eyes_apart) for eye in self._eyes()]

    def nose(self) -> list[Tensor]:
        wings = _grown(self.points[31:36], 1.5)
        return [torch.cat([self.points[27:28], wings.flip(0) - 0.04 * self.eyes_apart * self.up])]

    def cheeks(self) -> list[Tensor]:
        radius = 0.3 * self.eyes_apart
        return [_circle(self.points[[jaw, wing]].mean(0), radius) for jaw, wing in ((2, 31), (14, 35))]

    def chin(self) -> list[Tensor]:
        lip, tip = self.points[57], self.points[8]
        return [torch.cat([self.points[6:11], torch.lerp(lip, tip, 0.25)[None] + self._across(0.25)])]

    def beard(self) -> list[Tensor]:
        lip = torch.lerp(self.points[33], self.points[51], 0.4)[None] + self._across(0.3)
        return [torch.cat([self.points[3:14], lip])]

    def face(self) -> list[Tensor]:
        return [torch.cat([self.points[:17], self._hairline(1.0)])]

    def forehead(self) -> list[Tensor]:
        return [torch.cat([self.points[17:27] + 0.08 * self.eyes_apart * self.up, self._hairline(0.95)])]

    def _eyes(self) -> tuple[Tensor, Tensor]:
        """The corner at the temple first on the left, at the nose first on the right: both from left to right."""
        return self.points[36:42], self.points[42:48]

    def _brows(self) -> tuple[Tensor, Tensor]:
        return self.points[17:22], self.points[22:27]

    def _across(self, reach: float) -> Tensor:
        """From right to left by this share of the distance between the eyes."""
        along = self.points[45] - self.points[36]
        return reach * self.eyes_apart * (along / along.norm().clamp_min(1e-6))[None] * torch.tensor([[1.0], [-1.0]])

    def _hairline(self, size: float) -> Tensor:
        """An arch from the right temple to the left: as high over the brows as the nose's end lies below them."""
        left, right = self.points[0], self.points[16]
        centre, half = (left + right) / 2, (right - left) / 2
        brows = self.points[17:27].mean(0)
        rise = float((brows - centre) @ self.up) + float((brows - self.points[33]) @ self.up)
        angles = torch.linspace(0, math.pi, 15)[1:-1, None]
        return centre + size * (angles.cos() * half + angles.sin() * rise * self.up)


SHAPES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "beard": (("beard",), ("lips",)),
    "face shape": (("face",), ()),
    "chin": (("chin",), ()),
    "skin": (("face",), ("eyes", "brows", "lips")),
    "forehead": (("forehead",), ()),
    "mouth": (("mouth",), ()),
    "lips": (("lips",), ("opening",)),
    "nose": (("nose",), ()),
    "eyebrows": (("brows",), ()),
    "eyeshadow": (("lids",), ()),
    "pupils": (("irises",), ()),
    "eyes": (("eyes",), ()),
    "makeup": (("lids", "cheeks", "lips"), ("opening",)),
    "cheeks": (("cheeks",), ()),
    "expression": (("eyes", "brows", "mouth"), ()),
    "eyeglasses": (("glasses",), ()),
}
"""Each region: outlines that belong to it, and outlines cut out of it."""


def _grown(corners: Tensor, by: float) -> Tensor:
    centre = corners.mean(0)
    return centre + by * (corners - centre)


def _circle(centre: Tensor, radius: float) -> Tensor:
    angles = torch.linspace(0, 2 * math.pi, 25)[:-1, None]
    return centre + radius * torch.cat([angles.cos(), angles.sin()], 1)
