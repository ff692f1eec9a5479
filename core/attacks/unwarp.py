"""Undoing a warp: the face's parts moved to where the person's other photos have them on average."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError
from ..faces.align import similarity, template_points, warp
from ..faces.face import Face
from ..perception.blur import blurred
from ..perception.colour import luma
from ..perception.motion import motion_between, moved
from .scene import Scene

_FRAME = 384
"""Side of the upright frame in which photos are compared; the face takes about half of it."""
_ZOOM, _SHIFT = 0.5, 0.25
_FINER = 2
"""The flow is looked for at a smaller size and applied at this much more."""
_SMOOTH = 0.02
"""Of the frame: what differs between two photos from place to place is light and not shape."""
_MOST = 0.15
"""Eye distances: photos differ in pose, and what moved further than this is no veil's work."""


def unwarped(scene: Scene, share: float) -> list[Scene]:
    """This share of the way to the mean shape of the other photos; the parts' places go along."""
    if not scene.others:
        raise InputError("To undo a warp an opponent needs other photos of the person: bench pairs, or people.")
    mine, points = framed(scene)
    small = _smaller(mine)
    flows = [motion_between(luma(small), luma(_smaller(framed(other)[0]))) for other in scene.others]
    flow = mean_flow(flows, float((points[1] - points[0]).norm()) / _FINER) * share
    flow = F.interpolate(flow, mine.shape[-2:], mode="bilinear", align_corners=False) * _FINER
    box = (0.25 * _FRAME, 0.25 * _FRAME, 0.75 * _FRAME, 0.75 * _FRAME)
    return [replace(scene, picture=moved(mine, flow).clamp(0, 1), face=Face(box, carried(points, flow)))]


def framed(scene: Scene) -> tuple[Tensor, Tensor]:
    """The picture in the face's upright frame (1, 3, S, S), and its points there (5, 2)."""
    points = scene.face.points
    upright = (template_points("arcface", 1, points) * _ZOOM + _SHIFT) * _FRAME
    matrix = similarity(points, upright)
    return warp(scene.picture, matrix[None], _FRAME), points @ matrix[:, :2].T + matrix[:, 2]


def mean_flow(flows: list[Tensor], eyes: float) -> Tensor:
    """What all photos agree on, of movements (1, 2, h, w) no larger than a veil makes them."""
    mean = torch.stack(flows).mean(0)
    mean = mean - mean.mean((2, 3), keepdim=True)
    length = mean.norm(dim=1, keepdim=True).clamp_min(1e-6)
    return blurred(mean * (length.clamp_max(_MOST * eyes) / length), _SMOOTH * mean.shape[-1])


def carried(points: Tensor, flow: Tensor) -> Tensor:
    """Where points (5, 2) are once a picture was fetched by `flow` (1, 2, h, w): against it."""
    place = points
    for _ in range(3):
        grid = place / ((flow.shape[-1] - 1) / 2) - 1
        place = points - F.grid_sample(flow, grid.view(1, 1, -1, 2), align_corners=True)[0, :, 0].T
    return place


def _smaller(picture: Tensor) -> Tensor:
    return F.avg_pool2d(picture, _FINER)
