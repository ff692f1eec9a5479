"""One veil for several photos of one person."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from faceveil.core.errors import InputError
from faceveil.core.faces.find import find_faces
from faceveil.core.images import read_photo, to_bchw
from faceveil.core.methods.recipes import OTHERS, choose
from faceveil.core.optimise import Settings
from faceveil.core.recognisers.ensemble import Ensemble
from faceveil.core.search.learn import _of_each_other, _task, learn

QUICK = replace(choose("strong"), settings=Settings(3))


@pytest.fixture(scope="module")
def sitters(examples):
    pictures = [to_bchw(read_photo(examples / f"person-{which}.jpg").pixels) for which in ("first", "second")]
    return [(picture, find_faces(picture, which="largest")[0]) for picture in pictures]


def test_nobody_to_learn_from_and_a_recipe_without_a_veil_are_refused(dlib_recogniser, sitters):
    with pytest.raises(InputError, match="no photo to learn a veil from"):
        learn([], [dlib_recogniser], QUICK)
    for name in ("pixel-noise", "published-2"):
        with pytest.raises(InputError, match=rf"'{name}' changes pixels or a latent .*: choose light"):
            learn(sitters, [dlib_recogniser], OTHERS[name])


def test_one_veil_is_for_one_face_and_moves_every_photo_away_from_all_of_them(dlib_recogniser, sitters):
    steps = []
    done = learn(sitters, [dlib_recogniser], QUICK, seed=1, on_step=lambda step, objective: steps.append(step.index))
    assert len(done.veil) == 1 and done.veil.origin.photos == 2 and done.veil.origin.recipe == "strong"
    assert steps == [0, 1, 2] and done.evaluations["recogniser"] > 2 * len(steps)
    again = learn(sitters, [dlib_recogniser], QUICK, seed=1)
    assert all(torch.equal(again.veil.knots[name], knots) for name, knots in done.veil.knots.items())
    ensemble = Ensemble([dlib_recogniser])
    with torch.no_grad():
        for picture, face in sitters:
            before, after = (
                ensemble.embed(shown, face.points[None])["dlib"]
                for shown in (picture, done.veil.on_photo(picture, [face]))
            )
            assert float((before * after).sum()) < 0.999
            assert not torch.equal(picture, done.veil.on_photo(picture, [face]))


def test_learning_goes_on_from_a_veil(dlib_recogniser, sitters):
    first = learn(sitters, [dlib_recogniser], QUICK).veil
    idle = replace(QUICK, settings=Settings(1))
    kept, moved = (learn(sitters, [dlib_recogniser], idle, start=start).veil for start in (first, None))

    def apart(veil):
        return sum(float((veil.knots[name] - knots).norm()) for name, knots in first.knots.items())

    assert apart(kept) < apart(moved)


def test_everybody_is_to_be_unlike_themselves_and_all_of_the_others(dlib_recogniser, sitters):
    tasks = [_task(sitter, [dlib_recogniser], QUICK) for sitter in sitters]
    unmatched = _of_each_other(Ensemble([dlib_recogniser]), tasks)["dlib"]
    assert unmatched.shape[:2] == (2, 2) and torch.equal(unmatched[0], unmatched[1])
    assert not torch.equal(unmatched[0, 0], unmatched[0, 1])
