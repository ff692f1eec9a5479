"""Boxes that ComfyUI's own detectors have drawn, for each picture of a batch. No ComfyUI import."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.errors import InputError
from ..core.faces.find import Box


def boxes_of(given: Any, count: int) -> list[list[Box]]:
    """The boxes (left, top, right, bottom) in each of `count` pictures; one picture's boxes serve all of them.

    BOUNDING_BOX is one box, those of one picture, or a list of them for each; FACE_LANDMARKS has frames of faces.
    """
    if isinstance(given, Mapping) and "frames" in given:
        frames = [[tuple(float(side) for side in face["bbox_xyxy"]) for face in frame] for frame in given["frames"]]
    elif isinstance(given, Mapping):
        frames = [[_sides(given)]]
    elif all(isinstance(each, Mapping) for each in given):
        frames = [[_sides(each) for each in given]]
    else:
        frames = [[_sides(each) for each in frame] for frame in given]
    if len(frames) not in (1, count):
        raise InputError(
            f"There are boxes for {len(frames)} pictures and {count} pictures: connect the detector to the same ones."
        )
    return frames if len(frames) == count else frames * count


def _sides(box: Mapping[str, Any]) -> Box:
    try:
        left, top, width, height = (float(box[name]) for name in ("x", "y", "width", "height"))
    except (KeyError, TypeError, ValueError):
        raise InputError(f"A box has x, y, width and height, which {str(dict(box))[:80]} has not.") from None
    return left, top, left + width, top + height
