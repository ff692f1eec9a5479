"""Faces cut out upright for networks that look at one closely, and back into the picture."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .align import warp
from .face import Face


def framing(face: Face, side: int, reach: float, rise: float = 0.0) -> Tensor:
    """The similarity (2, 3) from the picture to an upright crop around this face.

    In units of how far eyes and mouth lie apart (the mean of eye to eye and eyes to mouth): the crop is `reach`
    wide, and its middle lies `rise` above the middle of eyes and mouth.
    """
    points = face.points.detach().cpu().float()
    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    across, down = points[1] - points[0], mouth - eyes
    # Turned by the mean of what eyes and mouth say, so that a face in profile is not taken for a tilted one.
    along = across / across.norm() + torch.stack([down[1], -down[0]]) / down.norm()
    along = along / along.norm()
    unit = float((across.norm() + down.norm()) / 2)
    turn = side / (reach * unit) * torch.stack([along, torch.stack([-along[1], along[0]])])
    centre = (eyes + mouth) / 2 - rise * unit * torch.stack([-along[1], along[0]])
    return torch.cat([turn, (side - 1) / 2 - (turn @ centre)[:, None]], 1)


def cut(image: Tensor, matrix: Tensor, side: int) -> Tensor:
    """The crop (1, 3, side, side), on the CPU; a picture that is much larger is averaged down before it is sampled."""
    zoom = float(matrix[:, 0].norm())
    if zoom >= 0.75:
        return warp(image.detach().cpu().float(), matrix[None], side)
    height, width = (max(1, round(length * zoom)) for length in image.shape[-2:])
    smaller = F.interpolate(image.detach(), (height, width), mode="bilinear", antialias=True, align_corners=False)
    scale = matrix.new_tensor([image.shape[-1] / width, image.shape[-2] / height])
    # Pixel x of the smaller one is (x + .5) * scale - .5 of the picture.
    shift = matrix[:, :2] @ (scale / 2 - 0.5) + matrix[:, 2]
    return warp(smaller.cpu().float(), torch.cat([matrix[:, :2] * scale, shift[:, None]], 1)[None], side)


def outwards(points: Tensor, matrix: Tensor) -> Tensor:
    """Points (N, 2) of the crop, in pixels of the picture."""
    return (points - matrix[:, 2]) @ torch.linalg.inv(matrix[:, :2]).T


def laid_back(mask: Tensor, matrix: Tensor, height: int, width: int) -> Tensor:
    """A mask of the crop (1, 1, side, side) as one of the picture, 0 outside the crop."""
    last = mask.shape[-1] - 1
    where = outwards(torch.tensor([[0.0, 0], [last, 0], [0, last], [last, last]]), matrix)
    left, top = (max(0, int(low)) for low in where.amin(0).floor())
    right, bottom = (min(limit, int(high) + 2) for limit, high in zip((width, height), where.amax(0), strict=True))
    laid = torch.zeros(1, 1, height, width)
    if right > left and bottom > top:
        y, x = torch.meshgrid(torch.arange(top, bottom), torch.arange(left, right), indexing="ij")
        inside = torch.stack([x, y], -1).float() @ matrix[:, :2].T + matrix[:, 2]
        grid = inside[None] * (2 / last) - 1
        laid[..., top:bottom, left:right] = F.grid_sample(mask, grid, padding_mode="zeros", align_corners=True)
    return laid
