"""A veil on any picture: nothing at 0, what was found at 1, the face's own at every size and angle."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from veils import SHAPE, stirred

from faceveil.core.errors import InputError
from faceveil.core.faces import crops
from faceveil.core.faces.face import Face
from faceveil.core.faces.find import find_faces
from faceveil.core.images import as_saved
from faceveil.core.methods.recipes import choose
from faceveil.core.optimise import Settings
from faceveil.core.search.search import protect
from faceveil.core.veil.veil import Veil


@pytest.fixture(scope="module")
def face(portrait) -> Face:
    return find_faces(portrait)[0]


def test_none_of_it_changes_nothing_and_more_changes_more(portrait, face):
    veil = stirred()
    assert torch.equal(veil.apply(portrait, [face], 0.0), portrait)
    changes = [(veil.apply(portrait, [face], amount) - portrait).abs().mean() for amount in (0.4, 0.8, 1.2)]
    assert 0 < changes[0] < changes[1] < changes[2]


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_a_share_of_it_is_a_veil_of_its_own(portrait, face, share):
    veil = stirred()
    less = veil.scaled(share)
    assert (less.apply(portrait, [face]) - veil.apply(portrait, [face], share)).abs().max() < 1e-5


def test_of_a_large_photo_only_a_part_is_worked_on(portrait, face, monkeypatch):
    whole = stirred().on_photo(portrait, [face])
    sizes = []
    worn = Veil.worn
    monkeypatch.setattr(crops, "WHOLE", 1)
    monkeypatch.setattr(
        Veil, "worn", lambda self, part, *rest: sizes.append(part.shape[-2:]) or worn(self, part, *rest)
    )
    assert torch.equal(stirred().on_photo(portrait, [face]), whole)
    assert sizes[0].numel() < 0.5 * portrait.shape[-2:].numel()


def test_outside_of_the_face_every_pixel_is_the_same(portrait, face):
    changed, mask = stirred().worn(portrait, [face], 1.5)
    outside = (mask == 0).expand_as(portrait)
    assert torch.equal(changed[outside], portrait[outside]) and outside.float().mean() > 0.8


def test_what_a_search_has_found_is_its_veil(portrait, face, dlib_recogniser):
    recipe = replace(choose(), settings=Settings(4), budget=None)
    done = protect(portrait, [face], [dlib_recogniser], recipe)
    assert torch.equal(done.veil.apply(portrait, [face]), done.image)
    assert done.veil.origin.surrogates == {"dlib": dlib_recogniser.threshold("1e-2")}
    assert done.veil.origin.recipe == recipe.name


def test_a_veil_within_a_budget_is_its_searchs_picture_as_a_file_holds_it(portrait, face, dlib_recogniser):
    """Light that was held back is rounded once more as knots of the veil."""
    done = protect(portrait, [face], [dlib_recogniser], replace(choose(), settings=Settings(4)))
    worn = done.veil.apply(portrait, [face])
    assert (worn - done.image).abs().max() < 1e-6
    assert torch.equal(as_saved(worn), as_saved(done.image))


def test_a_search_goes_on_where_a_veil_begins(portrait, face, dlib_recogniser):
    recipe = replace(choose(), settings=Settings(6))
    found = protect(portrait, [face], [dlib_recogniser], recipe)
    further = protect(portrait, [face], [dlib_recogniser], recipe, start=found.veil)
    first, last = found.outcome.history[0]["identity"], found.outcome.history[-1]["identity"]
    assert abs(further.outcome.history[0]["identity"] - last) < 0.5 * abs(first - last)


def test_a_search_cannot_go_on_with_other_knots(portrait, face, dlib_recogniser):
    with pytest.raises(InputError, match="other knots"):
        protect(portrait, [face], [dlib_recogniser], replace(choose(), settings=Settings(1)), start=stirred())


def test_pixel_noise_belongs_to_its_photo(portrait, face, dlib_recogniser):
    recipe = replace(choose("pixel-noise"), settings=Settings(1, method="sign", betas=(0.0, 0.0)))
    assert protect(portrait, [face], [dlib_recogniser], recipe).veil is None


def test_it_means_the_same_on_a_larger_copy(portrait, face):
    veil = replace(
        stirred(), shape=replace(SHAPE, luma=0.0), knots={k: v for k, v in stirred().knots.items() if "light" not in k}
    )
    double = F.interpolate(portrait, scale_factor=2, mode="bicubic", align_corners=False).clamp(0, 1)
    there = Face(tuple(2 * side + 0.5 for side in face.box), 2 * face.points + 0.5)
    small = veil.apply(portrait, [face]) - portrait
    large = F.avg_pool2d(veil.apply(double, [there]) - double, 2)
    assert (small - large).abs().mean() < 0.2 * small.abs().mean()


def test_one_face_is_for_any_number_and_others_are_counted(portrait, face):
    veil = stirred(rows=2)
    with pytest.raises(InputError, match="for 2 faces and 1"):
        veil.apply(portrait, [face])
    assert stirred().apply(portrait, [face, face]).shape == portrait.shape


@pytest.mark.parametrize("amount", [-0.1, 1.6, float("nan")])
def test_an_amount_that_means_nothing_is_refused(portrait, face, amount):
    with pytest.raises(InputError, match="from 0"):
        stirred().apply(portrait, [face], amount)
