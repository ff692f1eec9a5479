"""A guard around a picture that is generated, and not edited."""

from __future__ import annotations

import pytest
import torch

from faceveil.core.engines.bundled import BundledDenoiser, load_autoencoder
from faceveil.core.engines.denoiser import noised, seeded_noise
from faceveil.core.faces.crops import resize, window_around
from faceveil.core.faces.find import find_faces
from faceveil.core.images import read_photo, to_bchw
from faceveil.core.methods.guard import Guard, GuardRecipe
from faceveil.core.optimise import Settings
from faceveil.core.recognisers.ensemble import Ensemble
from faceveil.core.trajectory.paths import generate
from faceveil.core.trajectory.solvers import integrate

SIDE, STEPS = 192, 5


@pytest.fixture(scope="module")
def photos(examples):
    """Two photos of one person, as (1, 3, h, w)."""
    return [to_bchw(read_photo(examples / f"person-{which}.jpg").pixels) for which in ("first", "second")]


@pytest.fixture(scope="module")
def start(photos):
    """The person's face under noise: where a model that knows the person (a LoRA) would be on its way from noise."""
    face = find_faces(photos[0], which="largest")[0]
    autoencoder, denoiser = load_autoencoder(), BundledDenoiser()
    with torch.no_grad():
        clean = autoencoder.encode(resize(window_around(face, 0.3).cut(photos[0]), SIDE, SIDE))
    sigmas = [0.3 * (1 - step / STEPS) for step in range(STEPS + 1)]
    return denoiser, autoencoder, noised(denoiser, clean, seeded_noise(clean, 0), sigmas[0]), sigmas


def generated(start, guard=None):
    denoiser, autoencoder, noisy, sigmas = start
    latents = generate(
        denoiser, noisy, sigmas, denoiser.describe([""], 1.0), "reuse", on_step=guard or (lambda _: None)
    )
    with torch.no_grad():
        return autoencoder.decode(latents).clamp(0, 1)


def likeness(recogniser, picture, photo):
    first, second = (
        Ensemble([recogniser]).embed(each, find_faces(each, which="largest")[0].points[None])["dlib"]
        for each in (picture, photo)
    )
    return float((first * second).sum())


def test_a_generated_picture_is_protected_against_photos_of_the_person(start, photos, dlib_recogniser):
    recipe = GuardRecipe(start=0.4, rate=0.05, settings=Settings(8, patience=2))
    guard = Guard(start[1].decode, [dlib_recogniser], recipe, gallery=[photos[1]])
    alone, protected = generated(start, guard).split(1)
    limit = dlib_recogniser.threshold("1e-2")
    for photo in photos:
        assert likeness(dlib_recogniser, alone, photo) > limit > likeness(dlib_recogniser, protected, photo)
    assert 0 < float((protected - alone).abs().mean()) < 0.03


@pytest.mark.parametrize("shift", [1.0, 3.16])
@pytest.mark.parametrize(
    ("steps", "share", "first"), [(25, 0.2, 20), (28, 0.2, 23), (5, 0.4, 3), (2, 0.05, 2), (4, 1, 1)]
)
def test_the_last_share_of_the_steps_is_guarded_however_noise_is_spaced(shift, steps, share, first):
    """By noise a shifted schedule, as FLUX.1 has it for large pictures, would leave 2 of 25 steps, an even one 6."""
    guard = Guard(lambda latent: latent, [], GuardRecipe(start=share))
    even = [1 - step / steps for step in range(steps + 1)]
    sigmas = [shift * level / (1 + (shift - 1) * level) for level in even]
    guarded = []

    def on_moment(moment):
        if guard.works_after(moment):
            guarded.append(moment.step + 1)

    integrate(lambda x, stage: x, torch.zeros(1), sigmas, "euler", on_moment)
    assert guarded == list(range(first, steps + 1))


def test_photos_of_the_person_count_beside_the_picture_itself(start, photos, dlib_recogniser):
    def reached(gallery):
        recipe = GuardRecipe(settings=Settings(0))
        guard = Guard(start[1].decode, [dlib_recogniser], recipe, gallery=gallery)
        generated(start, guard)
        return guard.identity.references["dlib"]

    assert reached([]).shape[1] == 1 and reached(photos).shape[1] == 3
