"""How attacks are named, read and asked."""

from __future__ import annotations

import pytest
import torch

from faceveil.core.attacks.cleaning import autoencoded, redrawn
from faceveil.core.attacks.registry import ATTACKS, GROUPS, VERDICT, Tried, attacks_of, open_tools, seen_through
from faceveil.core.attacks.words import PHRASES, in_words
from faceveil.core.errors import FaceVeilError, InputError, ModelError
from faceveil.core.recognisers.ensemble import Ensemble


def test_every_attack_can_be_told_in_words_and_nothing_else_can():
    assert set(PHRASES) == set(ATTACKS)
    for tried in attacks_of(["all"]):
        assert "{" not in in_words(tried.key) and in_words(tried.key)
    assert in_words("blur=2") == "a blur of 2 px on a face of 256 px"
    assert in_words("autoencoder:taesd=2") == "2 ways through an autoencoder (taesd)"


def test_a_name_alone_is_its_whole_curve_and_numbers_are_those_points():
    assert [tried.strength for tried in attacks_of(["blur"])] == list(ATTACKS["blur"].strengths)
    assert attacks_of(["blur=1,2", "blur=2", "flip"]) == (Tried("blur", 1), Tried("blur", 2), Tried("flip"))
    assert attacks_of(["img2img:some/folder=.1"]) == (Tried("img2img", 0.1, "some/folder"),)
    assert attacks_of(["img2img:some/folder=.1"])[0].key == "img2img:folder=0.1"


def test_groups_hold_what_they_say():
    cheap = {tried.name for tried in attacks_of(["cheap"])}
    assert cheap == set(GROUPS["cheap"]) and {"blur", "flip", "symmetrise"} <= cheap and "purify" not in cheap
    assert {tried.name for tried in VERDICT} <= cheap


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("blurr", "Did you mean 'blur'"),
        ("flip=2", "done or not"),
        ("blur:taesd", "nothing that could be named"),
        ("=2", "There is no attack"),
        ("cheap=2", "several attacks"),
        ("blur=1,,2", "strengths must be numbers"),
        ("blur=nan", "takes 0.1 to 32"),
        ("views=0", "takes 1 to 10"),
        ("jpeg=500", "takes 1 to 100"),
    ],
)
def test_what_is_no_attack_is_refused_in_a_sentence(spec, message):
    with pytest.raises(InputError, match=message):
        attacks_of([spec])


def test_tools_whose_results_could_not_be_told_apart_are_refused():
    with pytest.raises(InputError, match="'one/sd' and 'two/sd' end in the same name"):
        attacks_of(["img2img:one/sd=.1", "img2img:two/sd=.2"])
    assert attacks_of(["img2img:one/sd=.1", "img2img:one/sd/=.2"])
    assert len(attacks_of(["img2img:one/sd=.1", "autoencoder:two/sd=1", "img2img:one/sd=.1"])) == 2


@pytest.mark.parametrize("spec", ["autoencoder:nowhere=1", "img2img:nowhere=.1", "detector:nobody"])
def test_a_wrong_tool_is_named_before_anything_is_tried(spec):
    with pytest.raises(FaceVeilError, match=r"nowhere|nobody"):
        open_tools(attacks_of([spec]), "cpu")


def test_tools_that_are_here_open_and_what_needs_none_costs_nothing():
    open_tools(attacks_of(["autoencoder=1", "flip", "detector:mtcnn"]), "cpu")


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
