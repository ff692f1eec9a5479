"""The loop on analytic problems whose optimum is known."""

from __future__ import annotations

import pytest
import torch

from faceveil.core.errors import Cancelled, ModelError
from faceveil.core.optimise import Settings, Terms, optimise


class Point:
    """The plainest variable: a vector a row."""

    def __init__(self, start: torch.Tensor, rate: float = 0.1) -> None:
        self.value, self.rate = start.clone().requires_grad_(), rate

    def groups(self):
        yield self.value, self.rate


def distance_to(target: torch.Tensor, close_enough: float = 0.0):
    def objective(picture: torch.Tensor, rows: torch.Tensor, progress: float) -> Terms:
        distance = (picture - target[rows]).square().sum(1)
        return Terms({"distance": distance}, distance, distance.detach() < close_enough)

    return objective


def render(point: Point):
    return lambda rows: point.value[rows]


TARGET = torch.tensor([[1.0, -2.0], [0.3, 0.0], [4.0, 4.0]])


@pytest.mark.parametrize("method", ["adam", "adamw"])
def test_reaches_the_known_optimum(method):
    point = Point(torch.zeros(3, 2))
    optimise(point, render(point), distance_to(TARGET), Settings(400, method=method, patience=0))
    assert (point.value - TARGET).abs().max() < 0.05


@pytest.mark.parametrize("compared", [True, False])
def test_ends_with_the_best_step_where_steps_compare_and_with_the_last_where_not(compared):
    """What is minimised leads past the optimum of what counts; rows meet theirs at different steps."""

    def objective(picture, rows, progress):
        away = (picture - TARGET[rows, :1].abs()).square().sum(1)
        return Terms({"away": away}, -picture.sum(1), away.detach() < 0, away if compared else None)

    point = Point(torch.zeros(3, 1), rate=0.05)
    optimise(point, render(point), objective, Settings(120, method="sign", betas=(0.0, 0.0), patience=0))
    expected = TARGET[:, :1].abs() if compared else torch.full((3, 1), 6.0)
    # A mean over some steps lags a little behind.
    assert (point.value - expected).abs().max() < 0.3


def test_sign_descent_takes_steps_of_the_stated_size():
    point = Point(torch.zeros(1, 2), rate=0.25)
    optimise(point, render(point), distance_to(TARGET[:1]), Settings(3, method="sign", betas=(0.0, 0.0), patience=0))
    assert torch.allclose(point.value, torch.tensor([[0.75, -0.75]]))


def test_adam_equals_torch_on_one_row():
    point, reference = Point(torch.zeros(1, 2)), torch.zeros(1, 2, requires_grad=True)
    optimise(point, render(point), distance_to(TARGET[:1]), Settings(20, patience=0))
    adam = torch.optim.Adam([reference], lr=0.1, betas=(0.9, 0.99))
    for _ in range(20):
        adam.zero_grad()
        (reference - TARGET[:1]).square().sum().backward()
        adam.step()
    assert torch.equal(point.value, reference)


def test_a_row_that_has_won_is_frozen_and_costs_nothing_more():
    start = torch.stack([TARGET[0] + 0.01, torch.zeros(2), torch.zeros(2)])
    point, evaluated = Point(start), []

    def spy(rows):
        evaluated.append(rows.tolist())
        return point.value[rows]

    frozen: list[torch.Tensor] = []
    outcome = optimise(
        point,
        spy,
        distance_to(TARGET, close_enough=0.05),
        Settings(300, patience=3),
        lambda step: frozen.append(point.value[0].detach().clone()),
    )
    assert evaluated[0] == [0, 1, 2] and evaluated[3] == [1, 2]
    assert all(torch.equal(frozen[2], later) for later in frozen[3:])
    assert outcome.done.all() and outcome.iterations < 300
    assert outcome.row_iterations == sum(map(len, evaluated))


def test_patience_counts_wins_in_a_row():
    """A row that wins every other time never counts as done."""
    flicker = iter(range(1000))

    def objective(picture, rows, progress):
        loss = picture.square().sum(1)
        return Terms({"loss": loss}, loss, torch.tensor([next(flicker) % 2 == 0]))

    point = Point(torch.ones(1, 2))
    assert optimise(point, render(point), objective, Settings(30, patience=2)).iterations == 30


def test_cancel_leaves_the_loop_at_once():
    point, seen = Point(torch.zeros(3, 2)), []

    def stop(step):
        seen.append(step.index)
        if step.index == 4:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        optimise(point, render(point), distance_to(TARGET), Settings(100), stop)
    assert seen == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("where", ["value", "gradient"])
def test_nan_is_refused_by_name(where):
    def objective(picture, rows, progress):
        value = picture.square().sum(1)
        value = value * float("nan") if where == "value" else (value - value).sqrt() + value
        return Terms({"identity": value}, value, torch.zeros(1, dtype=torch.bool))

    point = Point(torch.ones(1, 2))
    with pytest.raises(ModelError, match="identity" if where == "value" else "gradient"):
        optimise(point, render(point), objective, Settings(5))


def test_works_under_inference_of_the_caller():
    """ComfyUI calls nodes with gradients off; the loop must turn them on itself."""
    point = Point(torch.zeros(1, 2))
    with torch.no_grad():
        optimise(point, render(point), distance_to(TARGET[:1]), Settings(50, patience=0))
    assert (point.value - TARGET[:1]).abs().max() < 1.5


def halfway(gain: float):
    """A network in half precision between a point and its picture, and the same one in whole."""
    draw = torch.Generator().manual_seed(0)
    weights = torch.randn(2, 16, generator=draw), torch.randn(16, 2, generator=draw)
    target = torch.tensor([[1.0, -2.0]])

    def slope_in(kind: torch.dtype) -> torch.Tensor:
        point = Point(torch.full((1, 2), 0.3))

        def render(rows: torch.Tensor) -> torch.Tensor:
            inner = (point.value[rows].to(kind) @ weights[0].to(kind)).tanh() @ weights[1].to(kind)
            return inner.float()

        def objective(picture: torch.Tensor, rows: torch.Tensor, progress: float) -> Terms:
            distance = (picture - target).square().sum(1) * gain
            return Terms({"distance": distance}, distance, distance.detach() < 0)

        optimise(point, render, objective, Settings(1, patience=0))
        return point.value.grad

    return slope_in


@pytest.mark.parametrize("gain", [1e-10, 1.0, 100.0])
@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_no_gradient_vanishes_or_overflows_in_half_precision(kind, gain):
    slope_in = halfway(gain)
    wanted, found = slope_in(torch.float32), slope_in(kind)
    assert float(torch.cosine_similarity(wanted, found, eps=1e-20)) > 0.999
    assert float(found.norm() / wanted.norm()) == pytest.approx(1, abs=0.02)
