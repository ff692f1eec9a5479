"""Faces that are too small for a good copy: told in one sentence, wherever photos are protected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..faces.face import Box

SMALL = 64
"""Pixels: of a face below this size recognisers see less than a third of what they are made for (112 to 160)."""


def small_faces(boxes: Mapping[int, Box], where: str = "") -> list[str]:
    """One sentence on all that are too small, or none; `where` says in which picture of several. Faces have the numbers
    by which they are chosen."""
    sides = {number: min(right - left, bottom - top) for number, (left, top, right, bottom) in boxes.items()}
    small = {number: f"{side:.0f}" for number, side in sides.items() if side < SMALL}
    if not small:
        return []
    faces = f"face {next(iter(small))}{where} is" if len(small) == 1 else f"faces {_listed(small)}{where} are"
    return [
        f"{faces} only {_listed(dict.fromkeys(small.values()))} px wide, and below {SMALL} px a copy shows more of the "
        "change at full size and hides less: protect the photo before it is made smaller, if there is a larger one."
    ]


def _listed(parts: Iterable[object]) -> str:
    *most, last = map(str, parts)
    return f"{', '.join(most)} and {last}" if most else last
