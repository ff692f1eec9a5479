"""The face seen another way: mirrored, cut tighter, found by another detector, laid otherwise, made symmetric."""

from __future__ import annotations

from dataclasses import replace
from math import cos, pi, sin

import torch

from ..faces.again import find_again
from ..faces.align import boxed_points, similarity, warp
from ..faces.crops import Window
from ..faces.find import load_detector
from .scene import Scene

_LAID = ((1.0, 0.0), (0.93, 0.0), (1.08, 0.0), (1.0, 6.0), (1.0, -6.0))
"""Size and turn in degrees of the face in the crop, the usual way first: views that a judge may average."""


def mirror(scene: Scene, strength: float) -> list[Scene]:
    return [scene.mirrored()]


def averaged(scene: Scene, views: float) -> list[Scene]:
    """So many views of one face, every other one mirrored, to be averaged in embedding space."""
    laid = [_laid(scene, size, turn) for size, turn in _LAID[: (round(views) + 1) // 2]]
    return [view for each in laid for view in (each, each.mirrored())][: round(views)]


def laid_otherwise(scene: Scene, size: float) -> list[Scene]:
    """The face this much larger in the crop than a judge was trained on."""
    return [_laid(scene, size, 0.0)]


def _laid(scene: Scene, size: float, turn: float) -> Scene:
    """Points closer together make a face that fills more of the crop."""
    points, angle = scene.face.points, turn * pi / 180
    middle = points.mean(0)
    turned = points.new_tensor([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]])
    return replace(scene, face=replace(scene.face, points=middle + (points - middle) @ turned.T / size))


def laid_by_box(scene: Scene, strength: float) -> list[Scene]:
    """Without landmarks: the square around the detector's box."""
    points = boxed_points(scene.face.box).to(scene.face.points)
    return [replace(scene, face=replace(scene.face, points=points))]


def detector(tool: str, device: str) -> object:
    """Another detector, ready; it works wherever the picture lies."""
    return load_detector(tool)


def found_by(detector: str, scene: Scene, strength: float) -> list[Scene]:
    return [replace(scene, face=find_again(scene.picture, scene.face, detector))]


def cropped(scene: Scene, margin: float) -> list[Scene]:
    """Nothing left but the face's box and a margin, in which the face is found afresh."""
    left, top, right, bottom = scene.face.box
    edge = margin * max(right - left, bottom - top)
    window = Window(*(round(side) for side in (left - edge, top - edge, right + edge, bottom + edge)))
    window = window.inside(*scene.picture.shape[-2:])
    picture, face = window.cut(scene.picture), window.moved(scene.face)
    return [replace(scene, picture=picture, face=find_again(picture, face))]


def symmetrised(scene: Scene, share: float) -> list[Scene]:
    """The face mixed with its mirror image, laid upon it by the points: at .5 both sides are the same."""
    mirrored = scene.mirrored()
    onto = similarity(mirrored.face.points, scene.face.points)
    height, width = scene.picture.shape[-2:]
    other = warp(mirrored.picture, onto[None], (height, width), "border")
    points = torch.lerp(scene.face.points, mirrored.face.points @ onto[:, :2].T + onto[:, 2], share)
    return [replace(scene, picture=torch.lerp(scene.picture, other, share), face=replace(scene.face, points=points))]
