"""A face's places over time, without a detector's trembling and without a lag: parabolas through its sightings."""

from __future__ import annotations

import torch
from torch import Tensor

WIDTH = 0.15
"""Seconds (standard deviation) of the sightings that count for a moment. A face that speeds up or slows down evenly is
followed exactly, which a One Euro filter, run there and back, was not: it lagged by more than the detector trembles."""
_NEAREST = 15
"""Sightings looked at for a moment."""


def steadied(values: Tensor, seconds: Tensor, moments: Tensor) -> Tensor:
    """`values` (N, D) seen at `seconds` (N,), at other `moments` (M,): (M, D). Outside of them the nearest place holds.

    In a gap as many more sightings count as it takes to bridge it.
    """
    moments = moments.clamp(seconds[0], seconds[-1]).double()
    seconds, values = seconds.double(), values.double()
    count = min(_NEAREST, len(seconds))
    first = (torch.searchsorted(seconds, moments) - count // 2).clamp(0, len(seconds) - count)
    near = first[:, None] + torch.arange(count)
    apart = seconds[near] - moments[:, None]
    degree = min(2, len(seconds) - 1)
    # At least degree + 2 sightings are near enough to count.
    reach = apart.abs().sort(1).values[:, min(degree + 1, count - 1)].clamp_min(WIDTH)[:, None]
    weights = (-0.5 * (apart / reach).square()).exp()
    terms = torch.stack([(apart / reach) ** power for power in range(degree + 1)], -1)
    weighted = terms * weights[..., None]
    normal = weighted.transpose(1, 2) @ terms
    normal = normal + 1e-9 * torch.eye(degree + 1, dtype=normal.dtype)
    # At the moment itself every power but the first is 0: the constant is the place.
    return torch.linalg.solve(normal, weighted.transpose(1, 2) @ values[near])[:, 0].float()
