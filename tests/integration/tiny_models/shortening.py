"""A node for the tests alone: searches that end after a few iterations."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from .precision import ours

HELPERS = Path(__file__).resolve().parents[2] / "helpers"
_undo: list[Callable[[], None]] = []
"""How the recipes become what they are, while others stand in for them."""


class TinyShort:
    """From here on every recipe ends after so many iterations; 0 makes them whole again."""

    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "tests", "shorten", (), True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"iterations": ("INT", {"default": 0})}}

    @classmethod
    def IS_CHANGED(cls, iterations: int) -> float:
        return float("nan")

    def shorten(self, iterations: int) -> dict[str, Any]:
        while _undo:
            _undo.pop()()
        if iterations:
            cut_short = runpy.run_path(str(HELPERS / "shortening.py"))["cut_short"]
            cut_short(ours("core.methods.recipes"), iterations, _put, _name)
        return {"ui": {"text": [str(iterations)]}}


def _put(table: dict[str, Any], key: str, value: Any) -> None:
    _undo.append(partial(table.__setitem__, key, table[key]))
    table[key] = value


def _name(module: Any, name: str, value: Any) -> None:
    _undo.append(partial(setattr, module, name, getattr(module, name)))
    setattr(module, name, value)


NODE_CLASS_MAPPINGS = {"TinyShort": TinyShort}
