"""What the Adaptive Weight Scheduler hands on. No ComfyUI import."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

from ...core.methods.guard import GuardRecipe
from ...core.methods.recipes import choose
from ...core.search.recipe import Recipe
from ...core.search.weighting import Budget, Constant, Linear, Sigmoid, Weighting

R = TypeVar("R", Recipe, GuardRecipe)
SCHEDULES = ("sigmoid", "constant", "linear", "budget")


@dataclass(frozen=True)
class Weights:
    """A schedule, and how much the visible change itself counts."""

    weighting: Weighting
    visibility: float = 0.5

    def recipe(self, name: str) -> Recipe:
        """The recipe of that name with this schedule instead of its own."""
        return self._over(choose(name))

    def guarding(self, recipe: GuardRecipe) -> GuardRecipe:
        """The same for a search on latents, which sees whole pictures."""
        return self._over(recipe)

    def _over(self, recipe: R) -> R:
        """With this schedule and visibility in place of its own."""
        visibility = {**recipe.visibility, "perceptual": self.visibility}
        return replace(recipe, weighting=self.weighting, visibility=visibility)


def make_weights(
    schedule: str,
    weight: float,
    end_weight: float,
    steepness: float,
    limit: float,
    visibility: float,
) -> Weights:
    """One schedule out of the settings that all of them share."""
    schedules: dict[str, Weighting] = {
        "constant": Constant(weight),
        "linear": Linear(weight, end_weight),
        "sigmoid": Sigmoid(end_weight, weight, steepness, limit),
        # Counted in budgets, visibility is about 1 at the end whatever the limit, which suits the controller's pace.
        "budget": Budget(limit),
    }
    return Weights(schedules[schedule], 1 / limit if schedule == "budget" else visibility)
