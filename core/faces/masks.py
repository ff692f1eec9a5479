"""Soft masks drawn from a face's five points."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError
from ..images.doors import MASKS, refuse_unfit
from .align import similarity, template_points

Ellipse = tuple[float, float, float, float]
"""Centre, half width and half height in the ArcFace frame, as shares of its side."""

FACE: Ellipse = (0.5, 0.57, 0.41, 0.54)
"""Hairline to chin and ear to ear on the research photos; the soft rim lies inside it."""


def face_oval(points: Tensor, height: int, width: int, softness: float = 0.3, grow: float = 1.0) -> Tensor:
    """A soft oval (B, 1, height, width) over faces with five points (B, 5, 2).

    Exactly 1 inside and exactly 0 outside, with a smooth rim that takes `softness` of the
    radius: exact zeros are what lets everything outside stay bit-identical. `grow` scales it.
    """
    u, v, half_width, half_height = FACE
    return soft_ellipse(
        frame_coordinates(points, height, width), (u, v, half_width * grow, half_height * grow), softness
    )


def oval_extent(points: Tensor) -> tuple[Tensor, Tensor]:
    """Where the ovals of faces with five points (B, 5, 2) lie: their centres (B, 2), and how far they reach from there
    to each side and up and down (B, 2)."""
    u, v, half_width, half_height = FACE
    frame = similarity(points, template_points("arcface", 1, points))
    back = torch.linalg.inv(frame[:, :, :2])
    centres = (back @ (frame.new_tensor([u, v]) - frame[:, :, 2])[:, :, None])[:, :, 0]
    return centres, (back * frame.new_tensor([half_width, half_height])).norm(dim=2)


def frame_coordinates(points: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Where each pixel lies in the faces' own upright frames: u, v (B, height, width), 0 to 1 in ArcFace's crop."""
    frame = similarity(points, template_points("arcface", 1, points))
    ys = torch.arange(height, dtype=points.dtype, device=points.device)
    xs = torch.arange(width, dtype=points.dtype, device=points.device)
    y, x = torch.meshgrid(ys, xs, indexing="ij")
    u, v = (
        frame[:, row, 0, None, None] * x + frame[:, row, 1, None, None] * y + frame[:, row, 2, None, None]
        for row in (0, 1)
    )
    return u, v


def soft_ellipse(coordinates: tuple[Tensor, Tensor], ellipse: Ellipse, softness: float) -> Tensor:
    """(B, 1, height, width): 1 inside, 0 outside, the rim inside it."""
    u, v = coordinates
    centre_u, centre_v, half_width, half_height = ellipse
    radius = (((u - centre_u) / half_width) ** 2 + ((v - centre_v) / half_height) ** 2).sqrt()
    return eased((1 - radius) / max(softness, 1e-6))[:, None]


def eased(depth: Tensor) -> Tensor:
    """From exactly 0 to exactly 1 without a kink at either end: how every soft mask's rim rises."""
    t = depth.clamp(0, 1)
    return t * t * (3 - 2 * t)


def fit_mask(mask: Tensor, height: int, width: int) -> Tensor:
    """A mask (B, h, w) as (B, 1, height, width): resized when only its size differs, refused when its shape does."""
    refuse_unfit(mask, "A mask", MASKS)
    tall, wide = mask.shape[-2:]
    if abs(tall * width - wide * height) > 0.02 * tall * width:
        raise InputError(
            f"The mask is {wide}x{tall}, the picture {width}x{height}: their shapes differ, so it is not clear where "
            "the mask belongs. Use a mask of the picture's own shape."
        )
    mask = mask[:, None]
    if (tall, wide) == (height, width):
        return mask
    return F.interpolate(mask, (height, width), mode="bilinear", antialias=True, align_corners=False).clamp(0, 1)
