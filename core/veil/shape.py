"""How much a veil may change and how finely: all that its knots need to mean something on any face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from ..faces.crops import Window
from .change import Change
from .forgiving import LIGHT, Forgiving, forgiving
from .light import FeatureContrast, LumaField
from .warp import WarpField

Band = tuple[float, int, float]
"""Width up to which details belong to it as a share of the face, knots, largest share."""


@dataclass(frozen=True)
class Shape:
    """The numbers of a recipe that say what may change; `search.recipe.Recipe` says what each of them means."""

    warp: float = 0.0
    warp_symmetry: float = 1.0
    expression_held: bool = True
    growth: float = 2.5
    contrast: tuple[Band, ...] = ()
    luma: float = 0.0
    size: int = 256
    margin: float = 0.35

    @property
    def face(self) -> float:
        """The share of its window that a face takes."""
        return 1 / (1 + 2 * self.margin)

    @property
    def changes(self) -> bool:
        """Whether it is a shape of anything."""
        return bool(self.warp or self.contrast or self.luma)

    def forgiving(self, image: Tensor, windows: Sequence[Window], points: Tensor) -> Forgiving:
        """The bounds by place that faces of a photo give."""
        return forgiving(image, windows, points, self.size, self.face)

    def fields(self, points: Tensor, bounds: Forgiving | None, shared: bool = False) -> list[Change]:
        """What changes faces with points (B, 5, 2) in windows of `size` pixels, a row for each or one for all."""
        light, features, hair = (bounds.light, bounds.features, bounds.hair) if bounds else (None, None, None)
        parts: list[Change] = []
        if self.contrast:
            parts.append(FeatureContrast(points, self.size, self.face, self.contrast, features, shared))
        if self.luma:
            parts.append(LumaField(points, self.size, self.luma, [band.knots for band in LIGHT], light, shared))
        if self.warp:
            # Last, so that what was changed moves along with what hides it.
            warp = self.warp, self.warp_symmetry, self.expression_held, self.growth
            parts.append(WarpField(points, self.size, *warp, hair, shared))
        return parts
