"""Where a film cuts from one shot to the next."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_GRID = (9, 16)
_CHANGED, _ALIKE = 0.04, 0.6
"""Mean change of a coarse copy, and the correlation with the one before. What moves is alike, and so is a flash, of
which only the brightness is another; behind a cut things lie elsewhere."""


class Cuts:
    """Told of one frame after the other, says which one begins a new shot."""

    def __init__(self) -> None:
        self._before: Tensor | None = None

    def begins(self, small: Tensor) -> bool:
        """Whether this frame (1, 3, h, w) has nothing to do with the one before."""
        now, before = F.interpolate(small.mean(1, keepdim=True), _GRID, mode="area").flatten(), self._before
        self._before = now
        if before is None:
            return True
        if (now - before).abs().mean() < _CHANGED:
            return False
        here, there = now - now.mean(), before - before.mean()
        return bool(here @ there < _ALIKE * torch.sqrt(here.square().sum() * there.square().sum()) + 1e-9)
