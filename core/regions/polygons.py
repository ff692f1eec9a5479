"""Soft masks of polygons: 1 well inside, exactly 0 outside, and a rim as wide as one asks between."""

from __future__ import annotations

import torch
from torch import Tensor

from ..faces.masks import eased


def soft_polygon(corners: Tensor, height: int, width: int, softness: float = 0.5) -> Tensor:
    """(1, 1, height, width) of the polygon with these `corners` (N, 2) in order, x to the right and y down.

    The rim lies inside and takes `softness` of the way to the polygon's innermost point.
    """
    corners = corners.detach().cpu().float()
    mask = torch.zeros(1, 1, height, width)
    low, high = corners.amin(0).floor().long().clamp_min(0).tolist(), corners.amax(0).ceil().long().tolist()
    right, bottom = min(high[0] + 1, width), min(high[1] + 1, height)
    if right <= low[0] or bottom <= low[1]:
        return mask
    y, x = torch.meshgrid(torch.arange(low[1], bottom), torch.arange(low[0], right), indexing="ij")
    inside, distance = _where(torch.stack([x, y], -1).float(), corners)
    depth = torch.where(inside, distance, 0)
    rim = max(softness, 1e-6) * depth.max().clamp_min(1e-6)
    mask[0, 0, low[1] : bottom, low[0] : right] = eased(depth / rim)
    return mask


def _where(points: Tensor, corners: Tensor) -> tuple[Tensor, Tensor]:
    """Of points (h, w, 2): whether they lie inside (an odd number of edges lies right of them), and how deep."""
    x, y = points.unbind(-1)
    inside = torch.zeros_like(x, dtype=torch.bool)
    nearest = torch.full_like(x, float("inf"))
    for start, end in zip(corners, corners.roll(-1, 0), strict=True):
        along = end - start
        share = ((points - start) @ along / along.square().sum().clamp_min(1e-9)).clamp(0, 1)
        nearest = torch.minimum(nearest, (points - start - share[..., None] * along).norm(dim=-1))
        if start[1] != end[1]:
            crossing = start[0] + (y - start[1]) / along[1] * along[0]
            inside ^= ((start[1] > y) != (end[1] > y)) & (x < crossing)
    return inside, nearest
