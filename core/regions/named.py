"""Edit regions: from a prompt's words to the part of the face that they are about, and to a soft mask of it.

Drawn from the five points alone, in the face's own upright frame, unless a geometry that sees more is given:
landmarks (`landmarks.py`) or a face parser (`parsing.py`). Five points are rough for hair, which no point outlines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from ..errors import InputError
from ..faces.face import Face
from ..faces.masks import FACE, Ellipse, frame_coordinates, soft_ellipse
from ..plain import did_you_mean


def _pair(u: float, v: float, half_width: float, half_height: float) -> list[Ellipse]:
    """The same on both sides of the face."""
    return [(u, v, half_width, half_height), (1 - u, v, half_width, half_height)]


_EYES = _pair(0.342, 0.461, 0.095, 0.055)
_BROWS = _pair(0.325, 0.38, 0.145, 0.05)
_LIPS: list[Ellipse] = [(0.5, 0.832, 0.17, 0.085)]
_EYESHADOW = _pair(0.335, 0.43, 0.13, 0.055)
_CHEEKS = _pair(0.25, 0.67, 0.13, 0.13)
_FACE: list[Ellipse] = [FACE]

# Each region: ellipses that belong to it, and ellipses cut out of it.
SHAPES: dict[str, tuple[list[Ellipse], list[Ellipse]]] = {
    "beard": ([(0.5, 0.92, 0.36, 0.26)], _LIPS),
    "face shape": (_FACE, []),
    "chin": ([(0.5, 1.01, 0.2, 0.12)], []),
    "skin": (_FACE, [*_EYES, *_BROWS, *_LIPS]),
    "hair": ([(0.5, 0.32, 0.68, 0.68)], [(0.5, 0.7, 0.41, 0.57)]),
    "hairline": ([(0.5, 0.14, 0.40, 0.16)], [(0.5, 0.66, 0.42, 0.54)]),
    "forehead": ([(0.5, 0.21, 0.32, 0.17)], []),
    "bangs": ([(0.5, 0.13, 0.36, 0.19)], []),
    "mouth": ([(0.5, 0.835, 0.2, 0.12)], []),
    "lips": (_LIPS, []),
    "nose": ([(0.5, 0.59, 0.1, 0.16)], []),
    "eyebrows": (_BROWS, []),
    "eyeshadow": (_EYESHADOW, _pair(0.342, 0.465, 0.055, 0.03)),
    "pupils": (_pair(0.342, 0.461, 0.045, 0.045), []),
    "eyes": (_EYES, []),
    "makeup": ([*_EYESHADOW, *_CHEEKS, *_LIPS], []),
    "cheeks": (_CHEEKS, []),
    "expression": ([*_EYES, *_BROWS, (0.5, 0.81, 0.24, 0.17)], []),
    "eyeglasses": (_pair(0.33, 0.47, 0.19, 0.14), []),
}
REGIONS = tuple(SHAPES)

_WORDS: dict[str, str] = {
    "beard": "beard goatee stubble moustache mustache whiskers sideburns",
    "face shape": "face",
    "chin": "chin jaw jawline",
    "skin": "skin complexion freckles tan tanned wrinkles",
    "hair": "hair hairstyle haircut curls blond blonde brunette ponytail",
    "hairline": "hairline",
    "forehead": "forehead",
    "bangs": "bangs fringe",
    "mouth": "mouth teeth",
    "lips": "lip lips lipstick",
    "nose": "nose nostrils",
    "eyebrows": "eyebrow eyebrows brow brows",
    "eyeshadow": "eyeshadow eyeliner mascara eyelid eyelids eyelashes",
    "pupils": "pupil pupils iris irises",
    "eyes": "eye eyes gaze",
    "makeup": "makeup cosmetics",
    "cheeks": "cheek cheeks blush rouge",
    "expression": "expression smile smiling laughing angry sad happy surprised frown",
    "eyeglasses": "glasses eyeglasses spectacles sunglasses",
}
KEYWORDS = {word: region for region, words in _WORDS.items() for word in words.split()}


class Geometry(Protocol):
    """Where the parts of a face are, by something that looked at the picture more closely than five points do."""

    def drawn(self, face: Face, region: str, height: int, width: int, softness: float) -> Tensor | None:
        """A soft mask (1, 1, height, width), exactly 0 outside; None where this geometry cannot tell."""


def regions_in(prompt: str) -> list[str]:
    """The regions that a prompt's words are about, in the order they are named, each once."""
    text = prompt.lower().replace("make-up", "makeup").replace("make up", "makeup").replace("eye shadow", "eyeshadow")
    named = [KEYWORDS[word] for word in re.findall(r"[a-z]+", text) if word in KEYWORDS]
    return list(dict.fromkeys(named))


def named_regions(prompt: str) -> list[str]:
    """`regions_in`, or a sentence that says which words are understood."""
    if not prompt.strip():
        raise InputError('The prompt is empty: say what to change, for example "red lipstick".')
    found = regions_in(prompt)
    if not found:
        raise InputError(
            f"No word of '{prompt}' names a part of the face. Name one ({', '.join(REGIONS)}), or give a mask."
        )
    return found


def region_mask(
    faces: Iterable[Face],
    regions: Iterable[str],
    height: int,
    width: int,
    softness: float = 0.5,
    geometries: Sequence[Geometry] = (),
) -> Tensor:
    """A soft mask (1, 1, height, width) of the regions of all these faces; empty only for no faces.

    Each region is drawn by the first of `geometries` that can, and from the five points where none does.
    """
    faces, regions = list(faces), list(regions)
    mask = torch.zeros(1, 1, height, width)
    for face in faces:
        coordinates = None
        for region in regions:
            if region not in SHAPES:
                raise InputError(
                    f"There is no region '{region}'.{did_you_mean(region, REGIONS)} Choose from: {', '.join(REGIONS)}."
                )
            drawn = (geometry.drawn(face, region, height, width, softness) for geometry in geometries)
            part = next((each for each in drawn if each is not None), None)
            if part is None:
                coordinates = coordinates or frame_coordinates(face.points[None].cpu(), height, width)
                part = _from_points(region, coordinates, softness)
            mask = torch.maximum(mask, part)
    if faces and not mask.any():
        raise InputError(
            f"The picture ends before the {', '.join(regions)}: choose another part of the face, or give a mask."
        )
    return mask


def _from_points(region: str, coordinates: tuple[Tensor, Tensor], softness: float) -> Tensor:
    inside, outside = SHAPES[region]
    mask = torch.stack([soft_ellipse(coordinates, ellipse, softness) for ellipse in inside]).amax(0)
    for ellipse in outside:
        mask = mask * (1 - soft_ellipse(coordinates, ellipse, softness))
    return mask
