"""A face's points over time, without a detector's trembling: a One Euro filter, there and back."""

from __future__ import annotations

from math import pi

import torch
from torch import Tensor

STILL, QUICK = 1.2, 2.0
"""Cut-off in Hz of a face that holds still, and how much it rises with speed, in Hz for each face width a second."""
_SPEED = 2.0
"""Cut-off in Hz of the speed itself."""


def one_euro(values: Tensor, times: Tensor, scale: Tensor, still: float = STILL, quick: float = QUICK) -> Tensor:
    """`values` (N, D) at `times` (N,) seconds, smoothed the more the slower they move; `scale` (N,) is a face's width.

    Casiez, Roussel and Vogel, "1 Euro Filter" (CHI 2012), run from both ends and averaged, so that it does not lag.
    """
    forth = _one_way(values, times, scale, still, quick)
    back = _one_way(values.flip(0), -times.flip(0), scale.flip(0), still, quick).flip(0)
    return (forth + back) / 2


def _one_way(values: Tensor, times: Tensor, scale: Tensor, still: float, quick: float) -> Tensor:
    smoothed, speed = [values[0]], torch.zeros_like(values[0])
    for now, before, place, width in zip(values[1:], values[:-1], range(1, len(values)), scale[1:], strict=True):
        passed = max(float(times[place] - times[place - 1]), 1e-3)
        speed = torch.lerp(speed, (now - before) / passed, _share(_SPEED, passed))
        # One speed for all points: a face moves as one.
        rate = float(speed.view(-1, 2).mean(0).norm() / width.clamp_min(1e-6))
        smoothed.append(torch.lerp(smoothed[-1], now, _share(still + quick * rate, passed)))
    return torch.stack(smoothed)


def _share(frequency: float, passed: float) -> float:
    """How much of a new value counts."""
    return 1 / (1 + 1 / (2 * pi * frequency * passed))
