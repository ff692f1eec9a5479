"""Boxes that other detectors have drawn, for each picture of a batch. No ComfyUI import."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...core.errors import InputError
from ...core.faces.face import Box, box_of


def boxes_of(given: Any, count: int, size: tuple[int, int] | None = None) -> list[list[Box]]:
    """The boxes (left, top, right, bottom) in each of `count` pictures; one picture's boxes serve all of them.

    BOUNDING_BOX is one box, those of one picture, or a list of them for each; FACE_LANDMARKS has frames of faces; and
    SEGS, the Impact Pack's, are those of one picture, which may since have become one of another `size` (H, W).
    """
    if segs := _segs(given):
        frames = [_of_segs(*segs, size)]
    elif isinstance(given, Mapping) and "frames" in given:
        frames = [[box_of(face["bbox_xyxy"]) for face in frame] for frame in given["frames"]]
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


def _segs(given: Any) -> tuple[Any, Any] | None:
    """The size of their picture, and the segments; None of anything that is not SEGS."""
    if not (isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], Sequence)):
        return None
    size, segs = given
    sized = len(size) >= 2 and all(isinstance(side, int) for side in size)
    return (size, segs) if sized and all(hasattr(each, "bbox") for each in segs) else None


def _of_segs(known: Sequence[int], segs: Iterable[Any], size: tuple[int, int] | None) -> list[Box]:
    high, wide = (1.0, 1.0) if size is None else (new / old for new, old in zip(size, known, strict=False))
    return [box_of(float(at) * by for at, by in zip(seg.bbox, (wide, high) * 2, strict=True)) for seg in segs]
