"""Nodes for the tests alone: what nodes of other packs want, where nobody has the weights for it."""

from __future__ import annotations

import sys
from typing import Any


class Drawn:
    """A detector of the Impact Pack that finds what a mask shows."""

    def __init__(self, mask: Any) -> None:
        self.mask = mask

    def setAux(self, words: Any) -> None:
        """The Impact Pack tells detectors by words what to look for."""

    def detect(
        self, image: Any, threshold: float, dilation: int, crop: float, drop: int, detailer_hook: Any = None
    ) -> Any:
        return sys.modules["impact.core"].mask_to_segs(self.mask, False, crop, True, drop, is_contour=False)


class TinyDetector:
    CATEGORY, FUNCTION, RETURN_TYPES = "tests", "make", ("BBOX_DETECTOR", "CLIP")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"mask": ("MASK",)}}

    def make(self, mask: Any) -> tuple[Any, Any]:
        """And a text encoder that nobody asks: prompts are made elsewhere."""
        return Drawn(mask), object()


NODE_CLASS_MAPPINGS = {"TinyDetector": TinyDetector}
