"""Solvers and paths against a model whose path is known."""

from __future__ import annotations

import math

import pytest
import torch
from analytic import NOTHING, Gaussian

from faceveil.core.errors import InputError
from faceveil.core.trajectory.paths import Control, generate, invert, refuse_other_model
from faceveil.core.trajectory.record import Series
from faceveil.core.trajectory.solvers import SOLVERS, evaluations, integrate

CLEAN = torch.tensor([0.3, -0.7, 1.1]).view(1, 3, 1, 1)


def levels(model, steps):
    return [model.sigmas(steps, (1, 1))[0] * (1 - i / steps) for i in range(steps + 1)]


def error(model, solver, steps):
    """How far generation ends from the exact point."""
    sigmas = [s for s in levels(model, steps) if s >= 0.1 * model.sigmas(1, (1, 1))[0] - 1e-9]
    start = CLEAN * model.scale(sigmas[0]) / model.spread
    end = generate(model, start.double(), sigmas, NOTHING, solver)
    return float((end - CLEAN * model.scale(sigmas[-1]) / model.spread).abs().max())


@pytest.mark.parametrize("flow", [True, False])
@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("midpoint", 2), ("reuse", 2)])
def test_solvers_converge_at_their_order(solver, order, flow):
    model = Gaussian(flow)
    coarse, fine = error(model, solver, 80), error(model, solver, 320)
    # On this model the midpoint rule happens to do better than it promises.
    assert math.log(coarse / fine, 4) > order - 0.2
    assert solver != "euler" or math.log(coarse / fine, 4) < 1.2


@pytest.mark.parametrize("solver", SOLVERS)
def test_evaluations_are_what_is_promised(solver):
    model = Gaussian(True)
    generate(model, CLEAN, levels(model, 10), NOTHING, solver)
    assert model.evaluations == evaluations(solver, 10)


@pytest.mark.parametrize(("solver", "off"), [("euler", 0.2), ("midpoint", 2e-3), ("reuse", 0.02)])
def test_generation_undoes_inversion(solver, off):
    model = Gaussian(True)
    sigmas = levels(model, 25)
    path = invert(model, CLEAN, sigmas, NOTHING, solver)
    assert path.sigmas == pytest.approx(sigmas) and torch.equal(path.clean, CLEAN)
    back = generate(model, path.start, sigmas, NOTHING, solver)
    assert float((back - CLEAN).abs().max()) < off


def test_control_brings_the_original_back_outside_the_mask_whatever_the_model_says_now():
    class Shifted(Gaussian):
        def denoise(self, x, sigma, conditioning):
            return super().denoise(x, sigma, conditioning) + conditioning.context.mean()

    model = Shifted(True)
    sigmas = levels(model, 25)
    clean = CLEAN.expand(1, 3, 4, 4)
    mask = torch.zeros(1, 1, 4, 4)
    mask[..., :2] = 1
    path = invert(model, clean, sigmas, NOTHING)
    other = type(NOTHING)(torch.ones(1, 1, 1))
    edited = generate(model, path.start, sigmas, other, control=Control(path, mask, high=1.0))
    free = generate(model, path.start, sigmas, other)
    assert float((edited - clean)[..., 2:].abs().max()) < 5e-3
    assert torch.allclose(edited[..., :2], free[..., :2])


def test_a_path_is_told_from_another_models_by_what_the_model_says_of_the_picture():
    model = Gaussian(True)
    path = invert(model, CLEAN, levels(model, 5), NOTHING)
    refuse_other_model(path, model, NOTHING, CLEAN)
    before = model.evaluations
    refuse_other_model(path, Gaussian(True, spread=0.51), NOTHING, CLEAN)
    assert model.evaluations == before

    class Wrong(Gaussian):
        def denoise(self, x, sigma, conditioning):
            return super().denoise(x, sigma, conditioning) + conditioning.context.mean() * sigma

    for other in (torch.ones(1, 1, 1), torch.full((1, 1, 1), torch.nan)):
        with pytest.raises(InputError, match="another model"):
            refuse_other_model(path, Wrong(True), type(NOTHING)(other), CLEAN)


def test_the_published_lookup_takes_velocities_from_the_wrong_end_of_the_path():
    model = Gaussian(True)
    sigmas = levels(model, 25)
    path = invert(model, CLEAN, sigmas, NOTHING)

    def off(by_time):
        control = Control(path, torch.zeros(1, 1, 1, 1), high=0.6, by_time=by_time)
        return float((generate(model, path.start, sigmas, NOTHING, control=control) - CLEAN).abs().max())

    assert off(by_time=True) < 5e-3 and off(by_time=False) > 0.05


def test_a_step_may_hand_back_another_latent():
    model = Gaussian(True)
    end = generate(
        model, CLEAN, levels(model, 5), NOTHING, "reuse", on_step=lambda m: m.latent * 0 if m.step == 4 else None
    )
    assert float(end.abs().max()) == 0


def test_unknown_solvers_are_refused():
    with pytest.raises(InputError, match="euler, midpoint, reuse"):
        integrate(lambda x, stage: x, CLEAN, [1.0, 0.0], "heun")


def test_a_series_is_read_by_level_and_refuses_what_it_never_saw():
    series = Series()
    for sigma in (0.5, 0.1, 0.9, 0.5):
        series.put(sigma, torch.tensor(sigma))
    assert series.sigmas == [0.1, 0.5, 0.9]
    assert float(series.at(0.5)) == 0.5 and float(series.at(0.7)) == pytest.approx(0.7)
    assert float(series.at(0.9 + 1e-7)) == pytest.approx(0.9)
    with pytest.raises(InputError, match="knows nothing of sigma"):
        series.at(0.95)
    with pytest.raises(InputError, match="nothing"):
        Series().at(0.5)
