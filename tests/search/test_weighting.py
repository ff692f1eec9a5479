"""Schedules against their formulas, and the controller on a problem whose optimum is known."""

from __future__ import annotations

import math

import pytest
import torch

from faceveil.core.search.weighting import Budget, Constant, Linear, Sigmoid


def test_constant_and_linear():
    visible = torch.zeros(3)
    assert torch.equal(Constant(0.7).weight(0.5, visible), torch.full((3,), 0.7))
    assert [float(Linear(1.0, 0.2).weight(p, visible)[0]) for p in (0, 0.5, 1)] == pytest.approx([1.0, 0.6, 0.2])


def test_sigmoid_is_the_published_formula():
    for visible in (0.0, 0.25, 0.3, 0.6):
        expected = 0.05 + 0.95 / (1 + math.exp(20 * (visible - 0.3)))
        assert float(Sigmoid().weight(0.0, torch.tensor([visible]))) == pytest.approx(expected, rel=1e-5)


def test_budget_finds_the_weight_that_spends_exactly_the_budget():
    """Minimise x^2 / 2 - w x, whose optimum is x = w. Visibility is x, so the controller must settle at the budget."""
    controller, x = Budget(0.2), torch.full((2,), 0.5)
    for step in range(400):
        weight = controller.weight(step / 400, x)
        x = x + 0.3 * (weight - x)
    assert torch.allclose(x, torch.full((2,), 0.2), atol=2e-3)


def test_budget_pushes_harder_while_there_is_room_and_stays_bounded():
    controller = Budget(0.2, low=0.1, high=5.0)
    weights = [float(controller.weight(0, torch.zeros(1))) for _ in range(100)]
    assert weights == sorted(weights) and weights[-1] == pytest.approx(5.0)
    weights = [float(controller.weight(0, torch.ones(1))) for _ in range(100)]
    assert weights == sorted(weights, reverse=True) and weights[-1] == pytest.approx(0.1)


def test_budget_keeps_one_weight_a_face():
    weight = Budget(0.2).weight(0.0, torch.tensor([0.0, 1.0]))
    assert weight[0] > 1 > weight[1]


def test_only_a_budget_withholds_the_win():
    visible = torch.tensor([0.1, 0.3])
    assert Budget(0.2).content(visible).tolist() == [True, False]
    assert all(schedule.content(visible).all() for schedule in (Constant(), Linear(), Sigmoid()))
