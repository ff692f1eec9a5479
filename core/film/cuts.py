"""Where a film cuts from one shot to the next."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_GRID = (9, 16)
_BINS = 24
_OTHER_PLACES, _OTHER_LIGHT = 0.11, 0.35
"""Mean change of a coarse copy, and share of brightness that moved to other values: a cut has both."""
_SURELY = 0.3


class Cuts:
    """Told of one frame after the other, says which one begins a new shot."""

    def __init__(self) -> None:
        self._before: tuple[Tensor, Tensor] | None = None

    def begins(self, small: Tensor) -> bool:
        """Whether this frame (1, 3, h, w) has nothing to do with the one before."""
        coarse = F.interpolate(small.mean(1, keepdim=True), _GRID, mode="area").flatten()
        counts = torch.histc(F.avg_pool2d(small.mean(1, keepdim=True), 2), _BINS, 0, 1)
        now, before = (coarse, counts / counts.sum().clamp_min(1)), self._before
        self._before = now
        if before is None:
            return True
        places, light = (now[0] - before[0]).abs().mean(), (now[1] - before[1]).abs().sum() / 2
        return bool(places > _SURELY or (places > _OTHER_PLACES and light > _OTHER_LIGHT))
