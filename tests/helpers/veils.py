"""A veil of small knots at random."""

from __future__ import annotations

import torch

from faceveil.core.veil.shape import Shape
from faceveil.core.veil.veil import Veil, at_rest

SHAPE = Shape(warp=0.12, contrast=((0.02, 10, 0.2), (0.05, 8, 0.2)), luma=0.5)


def stirred(shape: Shape = SHAPE, rows: int = 1) -> Veil:
    generator = torch.Generator().manual_seed(3)
    knots = {
        name: torch.randn((rows, *value.shape[1:]), generator=generator) for name, value in at_rest(shape).knots.items()
    }
    return Veil(shape, knots)
