"""A veil and where in a film it is worn."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch

from ..faces.crops import window_around
from ..faces.face import Face, Sitter
from ..faces.masks import oval_extent
from ..veil.forgiving import Forgiving
from ..veil.veil import Veil
from .frames import Frame
from .track import Course

REFRESH_AFTER = 5
"""Frames after which what a face forgives is looked for anew: half of the work of a frame, and in the window, which
follows the face, much the same from one frame to the next. Less often also means less of the film's noise in it."""
_ROOM = 1.04
"""Side of the window that a frame is dressed in, of what the face's oval needs: half as many pixels as were searched
in, whose rest the veil does not reach."""


@dataclass
class Worn:
    """One face of one shot under its veil."""

    course: Course
    veil: Veil
    key_faces: list[tuple[int, Face]]
    """Frames, and the face in each, on which the veil was searched."""
    keys: list[Sitter] = field(default_factory=list)
    """Pictures of those; empty after an earlier run, which keeps none, until somebody asks for them."""
    _bounds: Forgiving | None = None
    _of: int = -1

    def __post_init__(self) -> None:
        self._close, self._fitted = _fitted(self.veil, self.course)

    @torch.inference_mode()
    def put_on(self, index: int, frame: Frame, amount: float = 1.0) -> bool:
        """Dresses frame number `index` in place; whether there is anything to dress."""
        face = self._close.at(index)
        if face is None:
            return False
        window = window_around(face, self._fitted.shape.margin)
        inner = window.inside(frame.height, frame.width)
        if window.width < 8 or inner.width <= 0 or inner.height <= 0:
            return False
        picture, there = frame.cut(window), window.moved(face)
        if self._of < 0 or not 0 <= index - self._of < REFRESH_AFTER:
            self._bounds, self._of = self._fitted.bounds(picture, [there]), index
        veiled, mask = self._fitted.worn(picture, [there], amount, bounds=self._bounds)
        frame.put(window, torch.where(mask > 0, veiled - picture, torch.zeros_like(picture)))
        return True


def _fitted(veil: Veil, course: Course) -> tuple[Course, Veil]:
    """The course with boxes that follow the face's oval, which is steadier than a detector's boxes, as wide as those
    mostly are; and the veil for windows that fit the oval closely."""
    boxes, points = course.places[:, :4], course.places[:, 4:].view(-1, 5, 2)
    centres, reach = oval_extent(points)
    side = _ROOM * 2 * reach.amax(1)
    share = float(((boxes[:, 2:] - boxes[:, :2]).amax(1) / side).median())
    half = side[:, None] * share / 2
    places = torch.cat([centres - half, centres + half, course.places[:, 4:]], 1)
    shape = veil.shape
    size = round(shape.size * shape.face / share)
    return replace(course, places=places), replace(veil, shape=replace(shape, margin=(1 / share - 1) / 2, size=size))
