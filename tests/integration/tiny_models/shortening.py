"""A node for the tests alone: searches that end after a few iterations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .precision import ours

_whole: dict[str, dict[str, Any]] = {}
"""The recipes as they are, by table, while others stand in for them."""


def shorter(recipe: Any, iterations: int) -> Any:
    how = recipe.denoising
    if how:
        how = replace(how, learning=replace(how.learning, iterations=iterations))
    settings = replace(recipe.settings, iterations=iterations)
    # Of so little, nobody asks how much may show.
    return replace(recipe, settings=settings, denoising=how, budget=None)


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
        recipes = ours("core.methods.recipes")
        for name in ("RECIPES", "_LATENTS"):
            table = getattr(recipes, name)
            table.update(_whole.setdefault(name, dict(table)))
            if iterations:
                table.update({key: shorter(recipe, iterations) for key, recipe in table.items()})
        return {"ui": {"text": [str(iterations)]}}


NODE_CLASS_MAPPINGS = {"TinyShort": TinyShort}
