"""Gaussian blurs of any width, at a cost that does not grow with it."""

from __future__ import annotations

from math import ceil

import torch
import torch.nn.functional as F
from torch import Tensor

_DIRECT = 5.0
"""Widths (standard deviations, in pixels) up to which pixels are summed as they are; wider ones use a smaller copy."""


def blurred(image: Tensor, width: float) -> Tensor:
    """`image` (B, C, H, W) under a Gaussian whose standard deviation is `width` pixels; borders are repeated."""
    if width <= 0:
        return image
    height_px, width_px = image.shape[-2:]
    factor = min(int(width / _DIRECT * 2), min(height_px, width_px) // 2) if width > _DIRECT else 1
    if factor < 2:
        return _direct(image, width)
    small = F.interpolate(image, (ceil(height_px / factor), ceil(width_px / factor)), mode="area")
    small = _direct(small, width / factor)
    return F.interpolate(small, (height_px, width_px), mode="bilinear", align_corners=False)


def _direct(image: Tensor, width: float) -> Tensor:
    reach = min(max(1, ceil(2.5 * width)), *(side - 1 for side in image.shape[-2:])) if min(image.shape[-2:]) > 1 else 0
    place = torch.arange(-reach, reach + 1, dtype=image.dtype, device=image.device)
    weights = torch.exp(-0.5 * (place / width) ** 2)
    weights = weights / weights.sum()
    return _along(_along(image, weights).transpose(2, 3), weights).transpose(2, 3)


def _along(image: Tensor, weights: Tensor) -> Tensor:
    """Weighted sums along the last axis. Lines are channels, each with its own sum: as a picture of one channel they
    would be the case for which convolutions are slowest."""
    reach = len(weights) // 2
    lines = F.pad(image, (reach, reach, 0, 0), mode="replicate").flatten(0, 2)[None]
    return F.conv1d(lines, weights.expand(lines.shape[1], 1, -1), groups=lines.shape[1]).view(image.shape)
