"""Searches cut short, in one place: here, in commands of another process, and inside a ComfyUI.

Nothing of the project is imported, for in a ComfyUI it goes by another name; whoever calls hands in its recipes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any


def shorter(recipe: Any, iterations: int) -> Any:
    """The recipe with a few iterations, also where embeddings are learned for a denoising; and with no budget, for
    nobody asks how much of so little may show."""
    how = recipe.denoising and learned_shorter(recipe.denoising, iterations)
    settings = replace(recipe.settings, iterations=iterations)
    return replace(recipe, settings=settings, denoising=how, budget=None)


def learned_shorter(denoising: Any, iterations: int) -> Any:
    return replace(denoising, learning=replace(denoising.learning, iterations=iterations))


def cut_short(
    recipes: ModuleType,
    iterations: int,
    put: Callable[[dict[str, Any], str, Any], Any] = dict.__setitem__,
    name: Callable[[Any, str, Any], Any] = setattr,
) -> None:
    """All recipes, wherever they are looked up; `put` and `name` may remember how to undo it."""
    for table in (recipes.RECIPES, recipes._LATENTS):
        for key, recipe in list(table.items()):
            put(table, key, shorter(recipe, iterations))
    name(recipes, "OUR_DENOISING", learned_shorter(recipes.OUR_DENOISING, iterations))
