"""Protecting real portraits with the built-in recogniser."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from faceveil.core.engines.bundled import load_autoencoder
from faceveil.core.errors import Cancelled, InputError, ModelError
from faceveil.core.faces.face import Face, points_of
from faceveil.core.faces.find import find_faces
from faceveil.core.images import read_photo, to_bchw
from faceveil.core.methods.recipes import RECIPES, choose, through_denoising
from faceveil.core.optimise import Settings
from faceveil.core.perception.looks import look_at
from faceveil.core.recognisers.automatic import load_automatic
from faceveil.core.recognisers.dlib_resnet import load_dlib
from faceveil.core.recognisers.ensemble import Ensemble
from faceveil.core.recognisers.recogniser import Recogniser
from faceveil.core.search.identity import Aim
from faceveil.core.search.search import protect
from faceveil.core.search.task import prepared
from faceveil.core.search.weighting import Budget

QUICK = replace(choose("strong"), settings=Settings(12, scale=4), budget=None)


@pytest.fixture(scope="module")
def portrait(examples) -> torch.Tensor:
    return to_bchw(read_photo(examples / "portrait.png").pixels)


@pytest.fixture(scope="module")
def face(portrait) -> Face:
    return find_faces(portrait)[0]


@pytest.fixture(scope="module")
def recogniser():
    return load_dlib()


@pytest.fixture(scope="module")
def free(portrait, face, recogniser):
    """A moment's search that nothing holds back."""
    return protect(portrait, [face], [recogniser], QUICK)


def cosine(recogniser, a, b, face) -> float:
    with torch.no_grad():
        first, second = (Ensemble([recogniser]).embed(x, face.points[None])[recogniser.name] for x in (a, b))
    return float(first[0] @ second[0])


@pytest.mark.slow
def test_the_default_wins_and_touches_nothing_outside_the_mask(portrait, face):
    """Whole, against all whom it means by default; other tests search for a moment only."""
    everybody = load_automatic()
    done = protect(portrait, [face], everybody, choose())
    assert {one.name for one in everybody} >= {"dlib", "sface"}
    assert all(cosine(one, portrait, done.image, face) < one.threshold("1e-2") for one in everybody)
    outside = (done.mask == 0).expand_as(portrait)
    assert torch.equal(done.image[outside], portrait[outside])
    assert outside.float().mean() > 0.9
    assert done.evaluations["recogniser"] >= done.outcome.iterations > 20
    assert done.evaluations["decoder"] == 0, "what bounds hold needs no latent"


def test_the_same_seed_gives_the_same_picture(portrait, face, recogniser):
    first, second, other = (protect(portrait, [face], [recogniser], QUICK, seed=s).image for s in (5, 5, 6))
    assert torch.equal(first, second) and not torch.equal(first, other)


class Shrinking:
    """The bundled autoencoder as a finished picture would lose it: of every change a part is gone."""

    multiple, name = 8, "shrinking"

    def __init__(self, latent, left):
        self.inner, self.left = load_autoencoder(), left
        self.clean = latent

    def encode(self, image):
        return self.inner.encode(image)

    def decode(self, latent):
        return self.inner.decode(self.clean + self.left * (latent - self.clean))


@pytest.mark.slow
def test_a_finished_picture_that_does_not_hold_is_searched_on_for_more(portrait, face, recogniser):
    latent = through_denoising(choose("balanced"))
    held = {name: weight for name, weight in latent.visibility.items() if name != "attention"}
    recipe = replace(latent, denoising=None, visibility=held, aim=Aim(margin=1.0))
    clean = load_autoencoder().encode(prepared(portrait, [face], [recogniser], recipe, None).clean)
    whole, lost = (
        protect(portrait, [face], [recogniser], recipe, finish=Shrinking(clean, left)) for left in (1.0, 0.35)
    )
    assert lost.outcome.iterations > whole.outcome.iterations
    assert lost.outcome.history[-1]["identity"] >= 0 and whole.outcome.done.all()


class Moody(torch.nn.Module):
    """A network that the least change of a bright face turns away, and that says the same of every dark one."""

    def forward(self, image):
        mean = self.means = image.mean((1, 2, 3))
        angle = torch.where(mean > self.between, 3000 * mean, 0 * mean)
        return torch.stack([angle.cos(), angle.sin()], 1)


def test_a_face_that_cannot_be_won_costs_the_others_nothing(portrait, face, recogniser):
    """The finished picture is looked at again for those that had won, not for those that never did."""
    both = torch.cat([portrait, portrait * 0.2], -1)
    second = Face(tuple(v + 512 * (i % 2 == 0) for i, v in enumerate(face.box)), face.points + torch.tensor([512.0, 0]))
    moody = Recogniser(recogniser.card, Moody())
    moody.network.between = 0.0
    Ensemble([moody]).embed(both, points_of([face, second], both))
    moody.network.between = float(moody.network.means.mean())
    recipe = replace(choose("published-2"), aim=Aim(margin=0.0), settings=Settings(6, patience=2), visibility={})
    done = protect(both, [face, second], [moody], recipe).outcome
    assert done.done.tolist() == [True, False] and done.iterations == 6


@pytest.mark.parametrize("most", [pytest.param(0.15, marks=pytest.mark.slow), 0.3])
def test_a_budget_leaves_the_largest_share_that_shows_no_more(portrait, face, recogniser, free, most):
    assert look_at(portrait, free.image, face).paint > 0.3 and free.amount == 1
    held = protect(portrait, [face], [recogniser], replace(QUICK, budget=most))
    assert 0 < held.amount < 1
    assert most * 0.8 < look_at(portrait, held.image, face).paint <= most


def test_a_schedule_starts_afresh_for_every_photo(portrait, face, recogniser):
    """The controller has a memory; a recipe used twice must not carry it over."""
    recipe = replace(QUICK, weighting=Budget(0.02), visibility={"perceptual": 1.0})
    first, second = (protect(portrait, [face], [recogniser], recipe).image for _ in range(2))
    assert torch.equal(first, second)


def test_two_faces_in_one_go(portrait, face, recogniser):
    both = torch.cat([portrait, portrait], -1)
    second = Face(tuple(v + 512 * (i % 2 == 0) for i, v in enumerate(face.box)), face.points + torch.tensor([512.0, 0]))
    done = protect(both, [face, second], [recogniser], QUICK)
    changed = (done.image - both).abs().amax((0, 1, 2)) > 0
    assert changed[:512].any() and changed[512:].any()
    for one in (face, second):
        assert cosine(recogniser, both, done.image, one) < 0.99


def test_a_mask_narrows_what_may_change(portrait, face, recogniser):
    allowed = torch.zeros(1, 1, 512, 512)
    allowed[..., : int(face.centre[1]), :] = 1
    done = protect(portrait, [face], [recogniser], QUICK, allowed=allowed)
    assert torch.equal(done.image[..., int(face.centre[1]) :, :], portrait[..., int(face.centre[1]) :, :])
    assert not torch.equal(done.image, portrait)


def test_a_mask_that_leaves_nothing_is_refused(portrait, face, recogniser):
    with pytest.raises(InputError, match="mask"):
        protect(portrait, [face], [recogniser], QUICK, allowed=torch.zeros(1, 1, 512, 512))


def test_gallery_photos_are_fled_too(portrait, face, recogniser, free, examples):
    gallery = to_bchw(read_photo(examples / "person-first.jpg").pixels)
    with_gallery = protect(portrait, [face], [recogniser], QUICK, gallery=[gallery]).image
    assert not torch.equal(with_gallery, free.image)


def test_a_decoy_is_approached(portrait, face, recogniser, examples):
    decoy = to_bchw(read_photo(examples / "person-first.jpg").pixels)
    decoy_face = find_faces(decoy, which="largest")[0]
    towards = lambda image: float(
        Ensemble([recogniser]).embed(image, face.points[None])["dlib"][0]
        @ Ensemble([recogniser]).embed(decoy, decoy_face.points[None])["dlib"][0]
    )
    with torch.no_grad():
        done = protect(portrait, [face], [recogniser], QUICK, decoys=[decoy])
        assert towards(done.image) > towards(portrait) + 0.005


def test_tiny_faces_are_refused_with_their_size(portrait, face, recogniser):
    small = Face((10.0, 10.0, 35.0, 40.0), face.points)
    with pytest.raises(InputError, match="25 px"):
        protect(portrait, [small], [recogniser], QUICK)


def test_latent_recipes_work_in_the_bundled_autoencoder_unless_another_is_named(portrait, face, recogniser):
    recipe = replace(choose("published-2"), settings=Settings(2))
    done = protect(portrait, [face], [recogniser], recipe)
    named = protect(portrait, [face], [recogniser], recipe, autoencoder=load_autoencoder())
    assert done.evaluations["decoder"] == 4 and torch.equal(done.image, named.image)


def test_a_recogniser_that_returns_nan_is_named_and_nothing_comes_back(portrait, face):
    broken = load_dlib()
    broken.network.descriptor.weight.data[:] = float("nan")
    with pytest.raises(ModelError, match="NaN"):
        protect(portrait, [face], [broken], QUICK)


def test_cancel_works_within_one_iteration(portrait, face, recogniser):
    steps = []

    def stop(step, objective):
        steps.append(step)
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        protect(portrait, [face], [recogniser], QUICK, on_step=stop)
    assert len(steps) == 1


@pytest.mark.parametrize("name", [name for name, recipe in RECIPES.items() if not recipe.needs_autoencoder])
def test_every_recipe_lowers_the_similarity(portrait, face, recogniser, name):
    recipe = choose(name)
    done = protect(portrait, [face], [recogniser], replace(recipe, settings=replace(recipe.settings, iterations=10)))
    assert cosine(recogniser, portrait, done.image, face) < 0.99
