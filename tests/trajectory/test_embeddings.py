"""Learning embeddings on a model that obeys them, and on the bundled one."""

from __future__ import annotations

import pytest
import torch
from analytic import Gaussian

from faceveil.core.engines.denoiser import Conditioning
from faceveil.core.errors import InputError
from faceveil.core.trajectory.embeddings import Learning, learn_embeddings, path_error, unlearned, walk
from faceveil.core.trajectory.paths import invert

EMPTY = Conditioning(torch.zeros(1, 1, 3), torch.zeros(1, 3))


class Obedient(Gaussian):
    """Wrong by a constant, unless the conditioning says how much."""

    def denoise(self, x, sigma, conditioning):
        said = conditioning.context[:, 0] + conditioning.pooled
        return super().denoise(x, sigma, conditioning) + 0.2 * x.sign() * (sigma < 0.3) + said[:, :, None, None]


@pytest.fixture
def path():
    clean = torch.tensor([0.3, -0.7, 1.1]).view(1, 3, 1, 1)
    return invert(Gaussian(True), clean, [1 - i / 20 for i in range(21)], EMPTY, "euler")


def test_learning_leads_the_short_path_to_the_photo(path):
    model = Obedient(True)
    learned = learn_embeddings(model, path, EMPTY, 3)
    assert path_error(model, path, learned) < 0.05 * path_error(model, path, unlearned(path, EMPTY, 3))
    assert len(learned.said) == 3 and learned.iterations == 60
    assert learned.sigmas == pytest.approx([0.15, 0.1, 0.05, 0.0])


def test_each_step_begins_where_the_last_one_ended(path):
    """Warm start: with the same error in every step, the later ones have nothing left to learn."""
    model = Obedient(True)
    cold = learn_embeddings(model, path, EMPTY, 1, Learning(20)).errors[0]
    warm = learn_embeddings(model, path, EMPTY, 3, Learning(20)).errors[-1]
    assert warm < cold


def test_a_tolerance_ends_early(path):
    learned = learn_embeddings(Obedient(True), path, EMPTY, 3, Learning(50, tolerance=1e-5))
    assert learned.iterations < 150 and max(learned.errors) < 1e-3


def test_conditionings_are_looked_up_by_level_whatever_the_order_of_calls(path):
    learned = learn_embeddings(Obedient(True), path, EMPTY, 3, Learning(2))
    assert learned.at(0.05) is learned.said[2] and learned.at(0.1501) is learned.said[0]


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
    with pytest.raises(InputError, match="has 20 steps"):
        learn_embeddings(Obedient(True), path, EMPTY, 21)
