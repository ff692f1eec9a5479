"""The library as the README shows it, with a short search."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from photos import smaller

import faceveil
from faceveil.core.methods import recipes

QUICK = "pixel-noise"


@pytest.fixture(scope="module", autouse=True)
def short():
    """What is asked is what comes back, not how far a search gets."""
    recipe = recipes.RECIPES[QUICK]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(recipes.RECIPES, QUICK, replace(recipe, settings=replace(recipe.settings, iterations=4)))
        yield


@pytest.fixture(scope="module")
def portrait(examples, tmp_path_factory):
    """A small copy, so that runs are quick."""
    return faceveil.read_photo(smaller(examples / "portrait.png", tmp_path_factory.mktemp("photo") / "portrait.png"))


@pytest.fixture(scope="module")
def protected(portrait):
    return faceveil.protect(portrait, strength=QUICK)


def test_a_protected_photo_comes_with_its_verdict(portrait, protected):
    photo, report = protected
    seen = report.faces[0].recognisers[0]
    assert (seen.name, seen.role) == ("dlib", "surrogate") and seen.after < seen.before
    assert [one.name for one in report.faces[0].recognisers] == ["dlib", "sface"]
    assert photo.pixels.shape == portrait.pixels.shape and not torch.equal(photo.pixels, portrait.pixels)


def test_verifying_it_says_the_same(portrait, protected):
    photo, report = protected
    own = faceveil.verify(portrait, photo).faces[0].recognisers[0]
    assert own.role == "judge" and own.after == pytest.approx(report.faces[0].recognisers[0].after, abs=1e-5)


def test_recognisers_may_be_loaded_once_or_named(portrait, protected):
    dlib = faceveil.load_recogniser("dlib")
    again, _ = faceveil.protect(portrait, [dlib, "sface"], QUICK)
    assert torch.equal(again.pixels, protected[0].pixels)


def test_a_mask_and_other_photos_are_photos_too(portrait, examples):
    left = torch.zeros(1, portrait.height, portrait.width)
    left[..., : portrait.width // 2] = 1
    photo, report = faceveil.protect(portrait, strength=QUICK, mask=left, gallery=[portrait])
    changed = (photo.pixels != portrait.pixels).any(-1)[0]
    assert changed[:, : portrait.width // 2].any() and not changed[:, portrait.width // 2 + 1 :].any()
    assert report.compared_with == "gallery"


def test_an_edit_with_nobody_to_protect_against_is_only_an_edit(portrait):
    edited, report = faceveil.edit(portrait, "red lipstick", against=())
    assert report is None
    red, green = ((edited.pixels - portrait.pixels)[..., channel].sum() for channel in (0, 1))
    assert red > green
    on_hair, _ = faceveil.edit(portrait, "red", against=(), region="hair")
    assert not torch.equal(on_hair.pixels, edited.pixels)


def test_an_edit_is_protected_from_the_photo_before_it(portrait):
    _, report = faceveil.edit(portrait, "red lipstick", strength=QUICK)
    assert report.compared_with == "gallery" and report.evaluations["denoiser"] > 25


def test_words_that_name_no_part_are_refused(portrait):
    with pytest.raises(faceveil.FaceVeilError, match="names a part of the face"):
        faceveil.edit(portrait, "something red")
    with pytest.raises(faceveil.FaceVeilError, match="understands no word"):
        faceveil.edit(portrait, "nice lips")


def test_faces_of_a_photo(portrait):
    assert len(faceveil.find_faces(portrait)) == 1
