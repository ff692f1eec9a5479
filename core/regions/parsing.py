"""Regions from a face parser: a network that says of every pixel which of 19 parts of a head it shows.

The parts are those of CelebAMask-HQ in the order that published BiSeNets answer in. Hair, which no point tells, is
what a parser is for.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ..faces.face import Face
from ..faces.masks import eased
from ..faces.upright import cut, framing, laid_back

Parse = Callable[[Tensor], Tensor]
"""Upright pictures of heads (B, 3, SIDE, SIDE) in [0, 1] to scores (B, 19, h, w) before softmax."""

SIDE = 512
# fmt: off
PARTS = (
    "background", "skin", "left brow", "right brow", "left eye", "right eye", "glasses", "left ear", "right ear",
    "earring", "nose", "mouth", "upper lip", "lower lip", "neck", "necklace", "clothes", "hair", "hat",
)
# fmt: on
_EYES, _BROWS, _LIPS = ("left eye", "right eye"), ("left brow", "right brow"), ("upper lip", "lower lip")
REGIONS: dict[str, tuple[str, ...]] = {
    "face shape": ("skin", "nose", "mouth", "glasses", *_EYES, *_BROWS, *_LIPS),
    "skin": ("skin", "nose"),
    "hair": ("hair",),
    "mouth": ("mouth", *_LIPS),
    "lips": _LIPS,
    "nose": ("nose",),
    "eyebrows": _BROWS,
    "eyes": _EYES,
    "expression": (*_EYES, *_BROWS, "mouth", *_LIPS),
    "eyeglasses": ("glasses",),
}
"""Regions that are made of whole parts."""

_REACH, _RISE = 5.3, 0.6
"""A head with its hair (`upright.framing`)."""
_LEAST = 1e-4
"""A part of less than this share of the crop was not seen."""


class Parsed:
    """A geometry (`regions.Geometry`) of one picture."""

    def __init__(self, image: Tensor, parse: Parse) -> None:
        self.image, self.parse = image.detach(), parse
        self._known: dict[Face, Tensor] = {}

    def drawn(self, face: Face, region: str, height: int, width: int, softness: float) -> Tensor | None:
        """The region's mask; None where it is not made of whole parts, or the picture shows none of it."""
        if region not in REGIONS:
            return None
        matrix = framing(face, SIDE, _REACH, _RISE)
        if face not in self._known:
            with torch.no_grad():
                scores = self.parse(cut(self.image, matrix, SIDE)).float().cpu()
            shares = scores.softmax(1)
            self._known[face] = F.interpolate(shares, (SIDE, SIDE), mode="bilinear", align_corners=False)
        share = self._known[face][:, [PARTS.index(part) for part in REGIONS[region]]].sum(1, keepdim=True)
        # What is less likely than not lies outside, exactly.
        mask = eased((share - 0.5) / (0.5 * max(softness, 1e-3)))
        if float((mask > 0).float().mean()) < _LEAST:
            return None
        return laid_back(mask, matrix, height, width).clamp(0, 1)
