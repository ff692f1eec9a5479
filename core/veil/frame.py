"""Control grids in the face's own upright frame: found at a small size, the same at every size and on every face."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..faces.align import similarity, template_points


def pick(parameter: Tensor, rows: Tensor | None) -> Tensor:
    """The rows' own values, or those that all share."""
    return parameter if rows is None or len(parameter) == 1 else parameter[rows]


def spline_weights(size: int, knots: int, like: Tensor) -> Tensor:
    """Weights (size, knots) of a cubic B-spline: none negative, rows sum to 1, so a bound on knots holds between."""
    place = torch.linspace(0, knots - 3, size, dtype=like.dtype, device=like.device)
    first = place.floor().clamp(max=knots - 4)
    t = (place - first)[:, None]
    basis = torch.cat([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], 1) / 6
    columns = first.long()[:, None] + torch.arange(4, device=like.device)
    return torch.zeros(size, knots, dtype=like.dtype, device=like.device).scatter(1, columns, basis)


_LATTICE = 64
"""Least side of the lattice on which a spline is worked out before it is sampled at the window's pixels."""
LEFT, TOP, SPAN = -0.225, -0.15, 1.45
"""The square of the ArcFace frame that a warp's knots span: the face oval and its rim, centred on the face's axis."""
EYES = 0.3147
"""Distance of the eyes in that frame."""


def frames_of(points: Tensor, side: int) -> Tensor:
    """From shares of a window of `side` pixels to the upright frames of its faces with points (B, 5, 2)."""
    shares = (points + 0.5) / side
    return similarity(shares, template_points("arcface", 1, shares))


def on_pixels(control: Tensor, frames: Tensor, height: int, width: int) -> Tensor:
    """Knots (B, C, knots, knots) in the faces' frames as a field (B, C, height, width) over their windows."""
    knots = control.shape[-1]
    spline = spline_weights(max(_LATTICE, 2 * knots), knots, control)
    field = (spline @ control @ spline.T).expand(len(frames), -1, -1, -1)
    ys, xs = ((torch.arange(n, device=control.device) + 0.5) / n for n in (height, width))
    lattice = frames.clone()
    lattice[:, :, 2] -= frames.new_tensor([LEFT, TOP])
    across, down, start = (lattice * (2 / SPAN)).unbind(2)
    # Sums of rows and columns: a product of matrices takes many times as long.
    on_lattice = across[:, None, None] * xs[:, None] + (down[:, None] * ys[:, None] + start[:, None] - 1)[:, :, None]
    return F.grid_sample(field, on_lattice, padding_mode="border", align_corners=True)


def at_knots(field: Tensor, points: Tensor, knots: int) -> Tensor:
    """A field (1, C, h, w) over a face with points (5, 2) in it, at the places of its knots (1, C, knots, knots)."""
    place = (torch.arange(knots, device=field.device, dtype=field.dtype) - 1) / (knots - 3) * SPAN
    v, u = torch.meshgrid(TOP + place, LEFT + place, indexing="ij")
    frame = similarity(points[None], template_points("arcface", 1, points[None]))[0]
    there = (torch.stack([u, v], -1) - frame[:, 2]) @ torch.linalg.inv(frame[:, :2]).T
    height, width = field.shape[-2:]
    grid = (2 * there + 1) / field.new_tensor([width, height]) - 1
    return F.grid_sample(field, grid[None], padding_mode="border", align_corners=False)


def at_rest(points: Tensor, shared: bool, channels: int, knots: int) -> Tensor:
    """Knots that change nothing yet, a row for each face or one for all of them."""
    rows = 1 if shared else len(points)
    return torch.zeros(rows, channels, knots, knots, device=points.device, requires_grad=True)


def broad(knots: Tensor) -> Tensor:
    """The part of a grid (B, C, knots, knots) that varies little from knot to knot: a binomial filter."""
    weights = knots.new_tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    kernel = torch.outer(weights, weights).expand(knots.shape[1], 1, 5, 5)
    return F.conv2d(F.pad(knots, (2, 2, 2, 2), mode="replicate"), kernel, groups=knots.shape[1])


def scaled(field: Tensor, height: int, width: int, mode: str = "bicubic") -> Tensor:
    if field.shape[-2:] == (height, width):
        return field
    return F.interpolate(field, (height, width), mode=mode, align_corners=False, antialias=True)


def spread(bounds: Tensor, height: int, width: int) -> Tensor:
    """A map of bounds at another size, never beyond what it says."""
    return scaled(bounds, height, width, "bilinear")
