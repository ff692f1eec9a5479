"""How much a veil may change and how finely: all that its knots need to mean something on any face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..faces.crops import Window
from ..perception.masking import texture
from .fields import Change, FeatureContrast, LumaField, WarpField

Band = tuple[float, int, float]
"""Width up to which details belong to it as a share of the face, knots, largest share."""


@dataclass(frozen=True)
class Shape:
    """The numbers of a recipe that say what may change; `protection.recipe.Recipe` says what each of them means."""

    warp: float = 0.0
    warp_knots: int = 14
    warp_symmetry: float = 1.0
    expression_held: bool = True
    contrast: tuple[Band, ...] = ()
    luma: float = 0.0
    luma_size: int = 96
    size: int = 256
    margin: float = 0.35

    @property
    def face(self) -> float:
        """The share of its window that a face takes."""
        return 1 / (1 + 2 * self.margin)

    def fields(self, points: Tensor, forgiving: Tensor | None, shared: bool = False) -> list[Change]:
        """What changes faces with points (B, 5, 2) in windows of `size` pixels, a row for each or one for all.

        `forgiving` as the function of that name gives it; nobody needs it who changes no brightness.
        """
        parts: list[Change] = []
        if self.contrast:
            parts.append(FeatureContrast(points, self.size, self.face, self.contrast, shared))
        if self.luma:
            parts.append(LumaField(points, self.size, self.luma / 255, self.luma_size, forgiving, shared))
        if self.warp:
            # Last, so that what was changed moves along with what hides it.
            warp = self.warp, self.warp_knots, self.warp_symmetry, self.expression_held
            parts.append(WarpField(points, self.size, *warp, shared))
        return parts


def forgiving(image: Tensor, windows: Sequence[Window], shape: Shape) -> Tensor:
    """How much each place of the windows of a photo forgives (B, 1, size, size), looked for at the photo's own
    resolution: skin that is smooth on a small copy may be full of pores, and what a small copy blurs may be a lash."""
    size = (shape.size, shape.size)
    maps = [texture(window.cut(image), shape.face * window.height) for window in windows]
    return torch.cat([F.interpolate(own, size, mode="area") for own in maps])
