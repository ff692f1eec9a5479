"""Protection through the last denoising steps, on the bundled generator."""

from __future__ import annotations

import pytest
import torch

from faceveil.core.engines.bundled import BundledDenoiser, load_autoencoder
from faceveil.core.errors import InputError
from faceveil.core.faces.find import find_faces
from faceveil.core.optimise import Settings
from faceveil.core.protection.guard import GuardRecipe
from faceveil.core.protection.purification import PUBLISHED, PurificationRecipe, protect_through_denoising
from faceveil.core.recognisers.ensemble import Ensemble
from faceveil.core.trajectory.embeddings import Learning, path_error, unlearned


@pytest.fixture(scope="module")
def generator():
    return BundledDenoiser(), load_autoencoder()


def test_the_published_numbers_are_the_published_ones():
    assert (PUBLISHED.steps, PUBLISHED.last, PUBLISHED.learning) == (20, 3, Learning(20, 0.1, 0.0))
    guard = PUBLISHED.guard
    assert (guard.rate, guard.settings.iterations, guard.settings.method) == (0.01, 30, "adamw")
    assert guard.weighting.value == 0.003


@pytest.mark.slow
def test_what_went_through_the_denoising_is_not_matched_and_the_rest_stays(portrait, dlib_recogniser, generator):
    face = find_faces(portrait)[0]
    guard = GuardRecipe(settings=Settings(25, patience=8))
    recipe = PurificationRecipe(steps=8, last=2, learning=Learning(5), guard=guard)
    done = protect_through_denoising(portrait, face, *generator, [dlib_recogniser], recipe)
    embed = lambda image: Ensemble([dlib_recogniser]).embed(image, face.points[None])["dlib"]
    assert float((embed(done.image) * embed(portrait)).sum()) < dlib_recogniser.threshold("1e-2")
    assert torch.equal(done.image[..., 300:, :], portrait[..., 300:, :])
    # What was learned leads nearer to the photo than the empty prompt does.
    denoiser = generator[0]
    plain = unlearned(done.path, denoiser.describe([""]), 2)
    assert path_error(denoiser, done.path, done.short) < path_error(denoiser, done.path, plain)


def test_a_schedule_shorter_than_its_last_steps_is_refused(portrait, dlib_recogniser, generator):
    with pytest.raises(InputError, match="The last 5 steps of a schedule of 4"):
        protect_through_denoising(
            portrait, find_faces(portrait)[0], *generator, [dlib_recogniser], PurificationRecipe(steps=4, last=5)
        )
