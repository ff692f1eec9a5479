"""The same face in another version of its picture."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from ..errors import NoFaceError
from .crops import window_around
from .face import Face
from .find import find_faces


def find_again(image: Tensor, face: Face, detector: str = "auto") -> Face:
    """The face where a detector finds it in this picture: not to be matched at the old points alone proves nothing.

    Looked for in a window around the old place; when nothing is found there, the old points stand.
    """
    window = window_around(face)
    try:
        found = find_faces(window.cut(image), detector=detector, look_turned=False)
    except NoFaceError:
        return face
    best = min((window.moved_back(other) for other in found), key=lambda other: _distance(other, face))
    return replace(best, number=face.number) if _distance(best, face) <= 0.5 * face.size else face


def _distance(one: Face, other: Face) -> float:
    return float((one.points - other.points).mean(0).norm())
