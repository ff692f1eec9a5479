"""The one way to ask for the faces of a picture: which detector, which faces, and what to say when there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from math import hypot, isfinite
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from ..errors import InputError, ModelError, NoFaceError
from .crops import window_around
from .face import Box, Face
from .mtcnn import LONGEST, SMALL, Mtcnn, smaller_copy, smallest_face
from .scrfd import Scrfd, find_scrfd_file, load_scrfd

DETECTORS = ("auto", "mtcnn", "scrfd")


class Detector(Protocol):
    """What finds faces: ours, or one that somebody else brought."""

    def find(self, image: Tensor) -> list[Face]:
        """The faces of a picture (1, 3, H, W), the largest first; none is no error."""
        ...


_STILL_THERE = 0.9
"""The score at which a face that was followed counts as still there."""
CHOICES = ("all", "largest", "nearest")
TURNS = {-1: "90 degrees clockwise", 2: "180 degrees", 1: "90 degrees counter-clockwise"}
"""Quarter turns as `torch.rot90` counts them, and what to tell the user."""


def find_faces(
    image: Tensor,
    which: str | int = "all",
    detector: str | Detector = "auto",
    near: tuple[float, float] | None = None,
    boxes: Sequence[Box] | None = None,
    look_turned: bool = True,
) -> list[Face]:
    """The chosen faces of one picture (1, 3, H, W); never an empty list.

    Faces come largest first, or with `boxes` (left, top, right, bottom, drawn by the user) one per box in their order.
    `which` is "all", "largest", "nearest" to the point `near`, or a number in that order, from 0. When there
    is no face, the error says whether a turned picture has one; `look_turned=False` saves whoever catches the error
    the time.

    "auto" is always the built-in "mtcnn": the same photo then gives the same points on every machine,
    whatever other detectors' files lie there, and our alignment was tuned to it. "scrfd" has to be asked for.
    """
    if image.ndim != 4 or image.shape[:2] != (1, 3):
        raise InputError(
            f"Faces are looked for in one RGB picture at a time, not in a batch of shape {list(image.shape)}."
        )
    if isinstance(detector, str):
        refuse_detector(detector)
    # Outside of inference mode even when called inside it: gradients flow through an alignment by these points.
    with torch.inference_mode(False), torch.no_grad():
        if boxes is None:
            faces = _detect(image, detector, look_turned)
        else:
            faces = [_in_box(image, box, detector) for box in checked_boxes(boxes, *image.shape[-2:])]
    return choose([replace(face, number=number) for number, face in enumerate(faces)], which, near)


@torch.no_grad()
def follow_face(image: Tensor, face: Face) -> Face | None:
    """The face in the next frame (1, 3, H, W) of a film, near where it was; None where there is none.

    Only the last of the built-in detector's three networks runs, which takes a few milliseconds.
    """
    now = _mtcnn().near(image, face.box)
    return now if now.score >= _STILL_THERE else None


def choose(faces: Sequence[Face], which: str | int = "all", near: tuple[float, float] | None = None) -> list[Face]:
    """The faces that `which` means, of faces that are at least one."""
    if which == "all":
        return list(faces)
    if which == "largest":
        return [max(faces, key=lambda face: face.area)]
    if which == "nearest":
        if near is None:
            raise InputError("To take the nearest face, say nearest to which point (x, y) of the picture.")
        return [min(faces, key=lambda face: hypot(face.centre[0] - near[0], face.centre[1] - near[1]))]
    try:
        index = int(which)
    except (TypeError, ValueError):
        raise InputError(
            f"Unknown choice of faces '{which}'. Use one of {', '.join(CHOICES)}, or a face's number from 0."
        ) from None
    if not 0 <= index < len(faces):
        raise InputError(
            f"There is no face number {index}: {_counted(faces)} found, and counting starts at 0 with the "
            "largest (or with the first box)."
        )
    return [faces[index]]


def checked_boxes(boxes: Sequence[Box], height: int, width: int) -> list[Box]:
    """The user's boxes as numbers; each has to be a rectangle with its middle in the picture."""
    if len(boxes) == 0:
        raise InputError("The list of boxes is empty: draw at least one, or leave it out to have faces found.")
    checked = []
    for box in boxes:
        try:
            left, top, right, bottom = (float(side) for side in box)
        except (TypeError, ValueError):
            raise InputError(f"A box is four numbers (left, top, right, bottom), not {box}.") from None
        if not all(map(isfinite, (left, top, right, bottom))) or right - left < 2 or bottom - top < 2:
            raise InputError(f"The box {box} is empty: give left, top, right and bottom, in pixels.")
        if not (0 <= (left + right) / 2 <= width - 1 and 0 <= (top + bottom) / 2 <= height - 1):
            raise InputError(
                f"The middle of the box {box} lies outside of the picture, which is {width} x {height} pixels."
            )
        checked.append((left, top, right, bottom))
    return checked


def refuse_detector(name: str) -> None:
    if name not in DETECTORS:
        raise InputError(f"Unknown detector '{name}'. Choose one of: {', '.join(DETECTORS)}.")


def load_detector(name: str) -> Detector:
    """The detector itself, loaded once; or what to do where its file is not here."""
    refuse_detector(name)
    return _scrfd() if name == "scrfd" else _mtcnn()


def _detect(image: Tensor, detector: str | Detector, look_turned: bool) -> list[Face]:
    """All faces in the picture; an error when there are none."""
    faces = _look(image, detector)
    if faces:
        return faces
    height, width = image.shape[-2:]
    if detector not in ("auto", "mtcnn"):
        tried = "SCRFD found no face"
    else:
        tried = f"The built-in detector found no face of at least {smallest_face(height, width):.0f} px"
    turn = _turn_with_a_face(image, detector) if look_turned else None
    if turn:
        raise NoFaceError(
            f"{tried}, but what looks like a face when the picture is turned by {turn}: rotate it "
            "first if it lies on its side."
        )
    again = "with a border added or enlarged" if min(height, width) < SMALL else "with a border added"
    raise NoFaceError(f"{tried}, not even {again}. Crop closer to the face, or use a larger or clearer photo.")


def _look(image: Tensor, detector: str | Detector) -> list[Face]:
    return (load_detector(detector) if isinstance(detector, str) else detector).find(image)


def _turn_with_a_face(image: Tensor, detector: str | Detector) -> str | None:
    """By how much to turn the picture for the surest face, or None when no turn shows one."""
    small, _ = smaller_copy(image.detach(), LONGEST)
    best = {turn: _look(small.rot90(turn, (2, 3)), detector) for turn in TURNS}
    scores = {turn: max(face.score for face in faces) for turn, faces in best.items() if faces}
    return TURNS[max(scores, key=lambda turn: scores[turn])] if scores else None


def _in_box(image: Tensor, box: Box, detector: str | Detector) -> Face:
    """The face that the user's box means, with the box as drawn.

    What the detector finds in and around the box counts first, since hand-drawn boxes are loose. If it
    finds nothing there, the user still knows better: the points are placed as well as they can be.
    """
    window = window_around(Face(box, torch.zeros(5, 2)), 0.5)
    left, top, right, bottom = box
    try:
        found = [window.moved_back(face) for face in _detect(window.cut(image), detector, look_turned=False)]
    except NoFaceError:
        found = []
    inside = [face for face in found if left <= face.centre[0] <= right and top <= face.centre[1] <= bottom]
    if not inside:
        return _mtcnn().points_in_box(image, box)
    best = choose(inside, "largest")[0]
    return Face(box, best.points, best.score)


def _counted(faces: Sequence[Face]) -> str:
    return "1 face was" if len(faces) == 1 else f"{len(faces)} faces were"


@lru_cache(maxsize=1)
def _mtcnn() -> Mtcnn:
    return Mtcnn()


def _scrfd() -> Scrfd:
    path = find_scrfd_file()
    if path is None:
        raise ModelError(
            "No SCRFD detector is here: put det_10g.onnx into ComfyUI's models/insightface or ~/.insightface/models, "
            "or use the built-in detector 'mtcnn'."
        )
    return _load_scrfd(path)


@lru_cache(maxsize=1)
def _load_scrfd(path: Path) -> Scrfd:
    return load_scrfd(path)
