"""Which attacks there are, and what is seen through them."""

from __future__ import annotations

import pytest
import torch

from faceveil.core.attacks.cleaning import autoencoded, redrawn
from faceveil.core.attacks.registry import ATTACKS, GROUPS, VERDICT, Tried, seen_through
from faceveil.core.attacks.specs import attacks_of
from faceveil.core.attacks.words import PHRASES, in_words
from faceveil.core.errors import ModelError
from faceveil.core.recognisers.ensemble import Ensemble


def test_every_attack_can_be_told_in_words_and_nothing_else_can():
    assert set(PHRASES) == set(ATTACKS)
    for tried in attacks_of(["all"]):
        assert "{" not in in_words(tried.key) and in_words(tried.key)
    assert in_words("blur=2") == "a blur of 2 px on a face of 256 px"
    assert in_words("autoencoder:taesd=2") == "2 ways through an autoencoder (taesd)"


def test_groups_hold_what_they_say():
    cheap = {tried.name for tried in attacks_of(["cheap"])}
    assert cheap == set(GROUPS["cheap"]) and {"blur", "flip", "symmetrise"} <= cheap and "purify" not in cheap
    assert {tried.name for tried in VERDICT} <= cheap


def test_an_autoencoder_that_is_not_here_is_named(scene):
    with pytest.raises(ModelError, match="no autoencoder 'nowhere'"):
        Tried("autoencoder", 1, "nowhere")(scene)


def test_a_generator_redraws_the_face_and_more_of_it_at_more_strength(scene):
    far = [float((redrawn("bundled", scene, at)[0].picture - scene.picture).abs().mean()) for at in (0.05, 0.4)]
    assert 0 < far[0] < far[1]
    made = autoencoded("bundled", scene, 1)[0]
    assert made.picture.shape == scene.picture.shape and (made.picture - scene.picture).abs().mean() < 0.05


def test_views_are_averaged_in_embedding_space(scene, dlib_recogniser):
    ensemble = Ensemble([dlib_recogniser])
    found = seen_through(ensemble, scene, attacks_of(["flip", "views=2"]))
    plain, name = ensemble.embed(scene.picture, scene.face.points[None]), dlib_recogniser.name
    mean = torch.nn.functional.normalize(plain[name] + found["flip"][name], dim=1)
    assert torch.allclose(found["views=2"][name], mean, atol=1e-5)
