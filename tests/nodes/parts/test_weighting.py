"""The schedules as recipes see them."""

from __future__ import annotations

import pytest

from faceveil.core.methods.guard import GuardRecipe
from faceveil.core.search.weighting import Budget, Constant, Linear, Sigmoid
from faceveil.nodes.parts.protecting import pick_recipe
from faceveil.nodes.parts.weighting import SCHEDULES, make_weights


def made(schedule: str):
    return make_weights(schedule, 2.0, 0.1, 30.0, 0.2, 0.7)


def test_every_schedule_becomes_its_weighting():
    assert made("constant").weighting == Constant(2.0)
    assert made("linear").weighting == Linear(2.0, 0.1)
    assert made("sigmoid").weighting == Sigmoid(low=0.1, high=2.0, steepness=30.0, limit=0.2)
    assert made("budget").weighting == Budget(0.2)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_recipe_with_a_schedule_measures_visibility_and_changes_nothing_else(schedule):
    recipe, plain = made(schedule).recipe("light"), pick_recipe("light", None)
    assert recipe.visibility["perceptual"] > 0 and type(recipe.weighting) is type(made(schedule).weighting)
    assert (recipe.warp, recipe.luma, recipe.aim) == (plain.warp, plain.luma, plain.aim)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_search_on_latents_takes_the_schedule_and_the_visibility(schedule):
    plain, weights = GuardRecipe(rate=0.03), made(schedule)
    recipe = weights.guarding(plain)
    assert recipe.weighting == weights.weighting and recipe.rate == 0.03
    assert recipe.visibility == {**plain.visibility, "perceptual": 1 / 0.2 if schedule == "budget" else 0.7}
