"""Learning embeddings on models that obey them: what the short path then ends at, and what it cost."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import pairwise

import pytest
import torch
from analytic import Gaussian
from small_flux import SmallFlux

from faceveil.core.engines.denoiser import Conditioning
from faceveil.core.errors import InputError, ModelError
from faceveil.core.trajectory.embeddings import (
    Learning,
    learn_embeddings,
    nearer,
    short_path_error,
    step_down,
    unlearned,
    walk,
)
from faceveil.core.trajectory.paths import invert

EMPTY = Conditioning(torch.zeros(1, 1, 3), torch.zeros(1, 3))
CLEAN = torch.tensor([0.3, -0.7, 1.1]).view(1, 3, 1, 1)
LEVELS = [1 - i / 20 for i in range(21)]


class Obedient(Gaussian):
    """Wrong by a constant, unless the conditioning says how much."""

    def denoise(self, x, sigma, conditioning):
        text = conditioning.context[:, 0]
        if conditioning.pooled is not None:
            text = text + conditioning.pooled
        return super().denoise(x, sigma, conditioning) + 0.2 * x.sign() * (sigma < 0.3) + text[:, :, None, None]


@pytest.fixture
def path():
    return invert(Gaussian(True), CLEAN, LEVELS, EMPTY, "euler")


def flux_path(model: SmallFlux, pictures: int = 1):
    clean = torch.randn(pictures, 4, 4, 6, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return invert(model, clean, LEVELS[-4:], model.describe([""]), "euler")


@pytest.mark.parametrize("flow", [True, False])
@pytest.mark.parametrize("pooled", [True, False])
def test_learning_leads_the_short_path_to_the_photo(flow, pooled):
    levels = LEVELS if flow else [2 * level for level in LEVELS]
    start = EMPTY if pooled else Conditioning(EMPTY.context)
    path, model = invert(Gaussian(flow), CLEAN, levels, EMPTY, "euler"), Obedient(flow)
    learned = learn_embeddings(model, path, start, 3)
    assert short_path_error(model, path, learned) < 0.05 * short_path_error(model, path, unlearned(path, start, 3))
    assert len(learned.conditionings) == 3 and learned.iterations == 60
    assert learned.sigmas == pytest.approx(levels[-4:])
    assert (learned.conditionings[0].pooled is not None) == pooled


def test_on_a_flux_learned_is_nearer_than_empty_and_empty_nearer_than_another_prompt():
    model = SmallFlux()
    path, empty = flux_path(model), model.describe([""])
    learned = learn_embeddings(model, path, empty, 3, Learning(best=True))
    error = lambda short: short_path_error(model, path, short)
    other = error(unlearned(path, model.describe(["a person"]), 3))
    assert error(learned) < 0.8 * error(unlearned(path, empty, 3)) < 0.8 * other


def test_each_step_begins_where_the_last_one_ended(path):
    """Warm start: with the same error in every step, the later ones have nothing left to learn."""
    model = Obedient(True)
    cold = learn_embeddings(model, path, EMPTY, 1, Learning(20)).errors[0]
    warm = learn_embeddings(model, path, EMPTY, 3, Learning(20)).errors[-1]
    assert warm < cold


def test_a_tolerance_ends_early(path):
    learned = learn_embeddings(Obedient(True), path, EMPTY, 3, Learning(50, tolerance=1e-5))
    assert learned.iterations < 150 and max(learned.errors) < 1e-3


def test_keeping_the_best_never_makes_a_step_worse():
    """Adam's steps are as long however little is wrong: on a path that is right already they only lead away."""
    model = Gaussian(True)
    listening = Obedient(True)
    listening.denoise = lambda x, sigma, conditioning: (
        model.denoise(x, sigma, conditioning) + conditioning.context[:, 0, :, None, None]
    )
    sigmas = LEVELS[-4:]
    down = invert(model, CLEAN, sigmas, EMPTY, "euler")
    # Next to the path that the empty prompt takes.
    x = down.start
    for here, there in pairwise(sigmas):
        x = x + (there - here) * (x - model.denoise(x, max(here, 1e-4), EMPTY)) / here
        down.latents.put(there, x + 1e-4)
    last, best = (learn_embeddings(listening, down, EMPTY, 3, Learning(2, best=best)) for best in (False, True))
    assert max(best.errors) < 3e-8 < 1e-6 < max(last.errors)


def test_a_step_may_begin_with_the_original_where_the_last_steps_embedding_would_lead_away():
    """Each level has its own truth; which of two is nearer is decided for every picture."""
    model = SmallFlux()
    x = torch.randn(2, 4, 4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    one, other = model.describe(["one"]), model.describe(["other"])
    wanted = torch.cat([step_down(model, x[:1], 0.1, 0.05, other), step_down(model, x[1:], 0.1, 0.05, one)])
    begun = nearer(model, x, 0.1, 0.05, wanted, one.repeated(2), other)
    assert torch.equal(begun.context, torch.cat([other.context, one.context]))
    assert torch.equal(begun.pooled, torch.cat([other.pooled, one.pooled]))


def test_pictures_learn_on_their_own():
    """Two at once, one of which is done early, end where each ends alone."""
    model, how = SmallFlux(), Learning(12, tolerance=2e-4, best=True)
    both, empty = flux_path(model, 2), model.describe([""])
    together = learn_embeddings(model, both, empty, 3, how)
    for row in range(2):
        alone = invert(model, both.clean[row : row + 1], LEVELS[-4:], empty, "euler")
        learned = learn_embeddings(model, alone, empty, 3, how)
        for each, wanted in zip(together.conditionings, learned.conditionings, strict=True):
            assert torch.allclose(each.context[row], wanted.context[0], atol=1e-6)
            assert torch.allclose(each.pooled[row], wanted.pooled[0], atol=1e-6)


def test_the_landing_is_the_unchanged_branch_and_costs_one_evaluation_a_step():
    model, counts = SmallFlux(), []
    path = flux_path(model)

    @contextmanager
    def landing(step):
        before = model.evaluations
        yield
        counts.append((step, model.evaluations - before))

    model.evaluations = 0
    learned = learn_embeddings(model, path, model.describe([""]), 3, Learning(5), landing=landing)
    assert counts == [(0, 1), (1, 1), (2, 1)] and model.evaluations == 3 * (5 + 1)
    assert torch.equal(learned.latents[-1], walk(model, learned.latents[0], learned))


def test_no_iterations_leave_the_conditioning_as_it_is():
    model = SmallFlux()
    path, empty = flux_path(model), model.describe([""])
    short = learn_embeddings(model, path, empty, 3, Learning(0))
    assert all(torch.equal(each.context, empty.context) for each in short.conditionings)
    assert short_path_error(model, path, short) == short_path_error(model, path, unlearned(path, empty, 3))


def test_conditionings_are_looked_up_by_level_whatever_the_order_of_calls(path):
    learned = learn_embeddings(Obedient(True), path, EMPTY, 3, Learning(2))
    assert learned.at(0.05) is learned.conditionings[2] and learned.at(0.1501) is learned.conditionings[0]


def test_the_walk_is_differentiable_in_its_start(path):
    model = Obedient(True)
    learned = learn_embeddings(model, path, EMPTY, 3, Learning(2))
    x = path.latents.at(0.15).clone().double().requires_grad_()
    (gradient,) = torch.autograd.grad(walk(model, x, learned).sum(), x)
    step = 1e-4
    with torch.no_grad():
        wanted = (walk(model, x + step, learned).sum() - walk(model, x - step, learned).sum()) / (2 * step)
    assert float(gradient.sum()) == pytest.approx(float(wanted), rel=1e-4)


def test_too_short_a_trajectory_is_refused(path):
    with pytest.raises(InputError, match=r"last 21 steps of a schedule of 20.*fewer"):
        learn_embeddings(Obedient(True), path, EMPTY, 21)


def test_a_model_that_does_not_listen_is_named(path):
    with pytest.raises(ModelError, match="gaussian"):
        learn_embeddings(Gaussian(True), path, EMPTY, 3)


@pytest.mark.parametrize(
    ("channels", "side", "conditioning", "message"),
    [
        (16, 4, None, "latents of 4 channels and this one has 16"),
        (4, 5, None, "sides are even, not 5 x 5"),
        (4, 4, Conditioning(torch.zeros(1, 3, 8)), "pooled vector of size 8; this conditioning has 8 and none"),
        (4, 4, Conditioning(torch.zeros(1, 3, 5), torch.zeros(1, 8)), "context of size 8"),
    ],
)
def test_a_flux_says_what_it_cannot_take(channels, side, conditioning, message):
    model = SmallFlux()
    with pytest.raises(InputError, match=message):
        model.denoise(torch.zeros(1, channels, side, side).double(), 0.1, conditioning or model.describe([""]))
