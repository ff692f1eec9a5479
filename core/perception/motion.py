"""Where the parts of one picture went in another: the smooth part of the motion between them, and undoing it.

An eye does not see that a brow lies two pixels higher, but every difference of the two pictures does. So looks are
compared after the motion is undone. Lucas and Kanade's least squares, from coarse to fine, with windows so wide that
only what moves together counts as motion: a mole that was painted over has not moved.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .blur import blurred

_WIDTH = 0.03
"""Width of the windows as a share of the picture's longer side: narrower than a knot of a warp, wider than a brow."""
_LEVELS = (8, 4, 2)
"""Reductions at which motion is looked for, coarsest first; the finest leaves less than half a pixel."""
_ROUNDS = 8
_STRIDE = 1.5
"""Pixels that a round may add: linear least squares know no more."""


def moved(picture: Tensor, motion: Tensor) -> Tensor:
    """Pixels of `picture` (B, C, H, W) fetched from where `motion` (B, 2, H, W; x and y, in pixels) points."""
    height, width = picture.shape[-2:]
    ys = torch.linspace(-1, 1, height, device=picture.device, dtype=picture.dtype)
    xs = torch.linspace(-1, 1, width, device=picture.device, dtype=picture.dtype)
    still = torch.stack(torch.meshgrid(xs, ys, indexing="xy"), -1)
    share = motion.permute(0, 2, 3, 1) * motion.new_tensor([2 / max(width - 1, 1), 2 / max(height - 1, 1)])
    return F.grid_sample(picture, still + share, mode="bicubic", padding_mode="border", align_corners=True)


def motion_between(before: Tensor, after: Tensor) -> Tensor:
    """Motion (B, 2, H, W) for which `moved(before, motion)` lies on `after`; brightness (B, 1, H, W) in, pixels out."""
    height, width = before.shape[-2:]
    motion = before.new_zeros(len(before), 2, height, width)
    for reduction in _LEVELS:
        size = max(16, height // reduction), max(16, width // reduction)
        scale = motion.new_tensor([width / size[1], height / size[0]]).view(1, 2, 1, 1)
        pair = [_evened(F.interpolate(picture, size, mode="area")) for picture in (before, after)]
        step = F.interpolate(motion, size, mode="bilinear", align_corners=False) / scale
        for _ in range(_ROUNDS):
            step = step + _correction(moved(pair[0], step), pair[1])
        motion = F.interpolate(step, (height, width), mode="bilinear", align_corners=False) * scale
    return motion


def _evened(picture: Tensor) -> Tensor:
    """Local contrast alone, so that new light is not taken for motion."""
    detail = picture - blurred(picture, 8)
    return detail / (blurred(detail.square(), 8).clamp_min(0).sqrt() + 0.02)


def _correction(before: Tensor, after: Tensor) -> Tensor:
    """One round of least squares; places that no motion explains count less."""
    across = (before.roll(-1, 3) - before.roll(1, 3)) / 2
    down = (before.roll(-1, 2) - before.roll(1, 2)) / 2
    error = after - before
    trust = 1 / (1 + error.square())
    width = max(before.shape[-2:]) * _WIDTH
    products = torch.cat([across * across, across * down, down * down, across * error, down * error], 1)
    xx, xy, yy, xe, ye = blurred(products * trust, width).split(1, 1)
    ridge = 0.001 + 0.01 * (xx + yy).mean((1, 2, 3), keepdim=True)
    xx, yy = xx + ridge, yy + ridge
    determinant = xx * yy - xy * xy
    found = torch.cat([yy * xe - xy * ye, xx * ye - xy * xe], 1) / determinant
    return blurred(found.clamp(-_STRIDE, _STRIDE), width / 2)
