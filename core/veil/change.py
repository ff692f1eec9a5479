"""What the optimiser may change: a small warp of the face, its contrast and luma, a latent, or several of these.

A variable holds parameters with one row per face, or one row that all faces share, and turns a clean window
(B, 3, h, w) and its mask (B, 1, h, w) into a changed one, in proportion to the mask. Warp, contrast and luma live on
control grids in the face's own upright frame, not on pixels: they are optimised at a small working size, rendered at
the photo's own, and mean the same on another photo.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor

from ..optimise import Variable
from .frame import pick, scaled


class Change(Variable, Protocol):
    """A variable that changes windows. `rows` selects faces; None means all."""

    def apply(self, window: Tensor, mask: Tensor, rows: Tensor | None = None) -> Tensor:
        """The changed window; equal to the clean one wherever the mask is 0."""


class ColourField:
    """A change of every colour channel, at most `bound` (1 is white): what pixel noise does.

    The field has a resolution of its own, `size`, and lies in the window: it belongs to this one photo.
    """

    def __init__(self, faces: int, bound: float, size: int, device: torch.device | str = "cpu") -> None:
        self.bound = bound
        self.field = torch.zeros(faces, 3, size, size, device=device, requires_grad=True)

    def groups(self) -> Iterator[tuple[Tensor, float]]:
        yield self.field, 1 / 8

    def apply(self, window: Tensor, mask: Tensor, rows: Tensor | None = None) -> Tensor:
        height, width = window.shape[-2:]
        change = scaled(torch.tanh(pick(self.field, rows)) * self.bound, height, width)
        change = change.clamp(-self.bound, self.bound)  # bicubic lines go beyond the points that they join
        return window + change * mask


class Bundle:
    """Several variables, applied one after the other: each in proportion to the mask, so a mask of more or less than 1
    is more or less of all that changes."""

    def __init__(self, parts: list[Change]) -> None:
        self.parts = parts

    def groups(self) -> Iterator[tuple[Tensor, float]]:
        for part in self.parts:
            yield from part.groups()

    def apply(self, window: Tensor, mask: Tensor, rows: Tensor | None = None) -> Tensor:
        for part in self.parts:
            window = part.apply(window, mask, rows)
        return window
