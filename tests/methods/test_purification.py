"""Protection through the last denoising steps: against the published procedure, and on the bundled generator."""

from __future__ import annotations

from dataclasses import replace

import procedure
import pytest
import torch
import torch.nn.functional as F
from procedure import Ours, Procedure
from small_flux import Doubling, SmallFlux

from faceveil.core.attention.guide import AttentionGuide
from faceveil.core.engines.bundled import BundledDenoiser, load_autoencoder
from faceveil.core.engines.denoiser import Conditioning
from faceveil.core.engines.diffusers import adapt
from faceveil.core.errors import Cancelled, InputError
from faceveil.core.faces.face import Face
from faceveil.core.faces.find import find_faces
from faceveil.core.methods.purification import DenoisedOffset, protect_through_denoising
from faceveil.core.methods.recipes import OTHERS, choose, through_denoising
from faceveil.core.optimise import Settings
from faceveil.core.recognisers.card import Card
from faceveil.core.recognisers.ensemble import Ensemble
from faceveil.core.recognisers.recogniser import Recogniser
from faceveil.core.search.recipe import Recipe
from faceveil.core.search.viewing import PLAIN
from faceveil.core.trajectory.embeddings import Learning, ShortPath, short_path_error, unlearned

PUBLISHED, DEFAULT = OTHERS["published-1"], through_denoising(choose())
LEVELS = [3 / 20, 2 / 20, 1 / 20, 0.0]


@pytest.fixture(scope="module")
def generator():
    return BundledDenoiser(), load_autoencoder()


@pytest.fixture
def toy() -> Recogniser:
    """A recogniser that is no network: a fixed projection of the crop, coarse and mean-free."""
    mix = torch.randn(3 * 49, 16, generator=torch.Generator().manual_seed(5))

    def network(crops):
        small = F.avg_pool2d(crops, 16).flatten(1)
        return (small - small.mean(1, keepdim=True)) @ mix.to(small)

    return Recogniser(Card("toy", 112, "arcface", thresholds={"1e-2": 0.9, "1e-3": 0.95}), network)


def quick(recipe: Recipe, iterations: int, **changes) -> Recipe:
    """Little searched and learned; `changes` of the denoising."""
    settings = replace(recipe.settings, iterations=iterations)
    return replace(recipe, settings=settings, denoising=replace(recipe.denoising, learning=Learning(2), **changes))


def learned(model: SmallFlux, guide: AttentionGuide | None = None, pictures: int = 1) -> ShortPath:
    clean = torch.randn(pictures, 4, 8, 8, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return procedure.learned(model, clean, 4, guide)


def tiny_unet():
    """Stable Diffusion's own class, a few layers deep."""
    pipeline = pytest.importorskip("tiny_pipelines").sd()
    pipeline.unet.double()
    return adapt(pipeline)[0]


def test_the_published_numbers_are_the_published_ones():
    how = PUBLISHED.denoising
    assert (how.steps, how.last, how.learning) == (20, 3, Learning(20, 0.1, 0.0, False))
    levels = SmallFlux().sigmas(how.steps, (8, 8))
    assert levels[17:] == pytest.approx(LEVELS)  # "start step 17"
    assert how.learning.settings == Settings(20, method="adamw", betas=(0.9, 0.999), patience=0)
    assert PUBLISHED.latent == 0.01 and PUBLISHED.settings == Settings(30, 1.0, "adamw", (0.9, 0.999), 0)
    assert PUBLISHED.weighting.value == 0.003 and PUBLISHED.visibility == {"attention": 1.0}
    assert how.attention == "full" and PUBLISHED.aim.form == "cosine" and PUBLISHED.viewing == PLAIN


@pytest.mark.parametrize("make", [SmallFlux, tiny_unet])
def test_a_quarter_of_the_published_evaluations_for_the_same_result(make):
    model, guide, iterations = make(), AttentionGuide("full"), 30
    short = learned(model, guide)
    want = torch.randn(4, 8, 8, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    identity = lambda x: F.cosine_similarity(x.flatten(1), want.flatten()[None])
    published, own = Procedure(model, short), Ours(model, short, guide, Doubling())
    theirs, ours = published.run(identity, iterations), own.run(identity, iterations)
    assert float((ours - theirs).abs().max()) < 1e-4
    assert float((ours - short.latents[-1]).abs().max()) > 0.05
    assert published.model.evaluations == 4 * own.model.evaluations == 4 * 3 * (iterations + 1)


@pytest.mark.parametrize("form", ["full", "light"])
def test_checkpointing_changes_no_gradient(form):
    model, rows = SmallFlux(), torch.tensor([1, 0])
    guide = AttentionGuide(form)
    short = learned(model, guide, pictures=2)

    def gradient(checkpointed: bool) -> torch.Tensor:
        variable = DenoisedOffset(model, Doubling(), short, guide=guide, checkpointed=checkpointed)
        variable.offset.data = 0.1 * torch.randn(short.latents[0].shape, generator=torch.Generator().manual_seed(2))
        ended, change = variable.walk(rows)
        assert float(change.detach().min()) > 0
        return torch.autograd.grad(ended.square().sum() + 100 * change.sum(), variable.offset)[0]

    assert torch.equal(gradient(False), gradient(True))


def test_checkpointing_asks_once_more_for_every_gradient():
    model = SmallFlux()
    short = learned(model)
    model.evaluations = 0
    variable = DenoisedOffset(model, Doubling(), short, checkpointed=True)
    ended, _ = variable.walk(torch.arange(1))
    assert model.evaluations == 3
    torch.autograd.grad(ended.sum(), variable.offset)
    assert model.evaluations == 6


def test_gradients_agree_with_finite_differences():
    model, guide = SmallFlux(), AttentionGuide("full")
    variable = DenoisedOffset(model, Doubling(), learned(model, guide), guide=guide)
    generator, rows = torch.Generator().manual_seed(4), torch.arange(1)
    variable.offset.data = 0.1 * torch.randn(variable.offset.shape, generator=generator, dtype=torch.float64)
    way = torch.randn(variable.offset.shape, generator=generator, dtype=torch.float64)

    def value() -> torch.Tensor:
        ended, change = variable.walk(rows)
        return ended.square().sum() + 100 * change.sum()

    (gradient,) = torch.autograd.grad(value(), variable.offset)
    middle, ends = variable.offset.data.clone(), []
    for sign in (1, -1):
        variable.offset.data = middle + sign * 1e-5 * way
        ends.append(float(value()))
    assert float((gradient * way).sum()) == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5)


@pytest.mark.parametrize("form", ["full", "light"])
def test_at_rest_nothing_changes_and_attention_is_where_it_was(form):
    model, guide = SmallFlux(), AttentionGuide(form)
    variable = DenoisedOffset(model, Doubling(), learned(model, guide), guide=guide)
    window = torch.rand(1, 3, 16, 16, dtype=torch.float64)
    assert float((variable.apply(window, torch.ones(1, 1, 16, 16)) - window).abs().max()) < 1e-12
    assert float(variable.attention_change) < 1e-20
    variable.offset.data += 0.3
    assert float((variable.apply(window, torch.ones(1, 1, 16, 16)) - window).abs().max()) > 0.01
    assert float(variable.attention_change) > 1e-9


def test_the_finished_picture_costs_no_listening():
    model, guide = SmallFlux(), AttentionGuide("full")
    variable = DenoisedOffset(model, Doubling(), learned(model, guide), guide=guide)
    variable.offset.data += 0.3
    with torch.no_grad():
        variable.apply(torch.rand(1, 3, 16, 16).double(), torch.ones(1, 1, 16, 16))
    assert float(variable.attention_change) == 0


def portrait_with(recogniser, recipe, portrait, model=None, autoencoder=None, **more):
    model = model or SmallFlux()
    small = replace(recipe, size=64)
    empty = model.describe([""])
    more = {"unconditional": Conditioning(empty.context.float(), empty.pooled.float()), **more}
    model.flux.float()
    faces = more.pop("faces", None) or find_faces(portrait)[:1]
    return protect_through_denoising(
        portrait, faces, model, autoencoder or Doubling(), [recogniser], small, **more
    ), model


@pytest.mark.parametrize("recipe", [PUBLISHED, DEFAULT], ids=["published", "default"])
def test_similarity_falls_and_only_the_face_changes(portrait, toy, recipe):
    lighter = replace(recipe, visibility={"attention": 1e-3}, budget=None)  # a budget asks again for each amount
    done, model = portrait_with(toy, quick(lighter, 6), portrait)
    face = find_faces(portrait)[0]
    embed = lambda image: Ensemble([toy]).embed(image, face.points[None])["toy"]
    assert float((embed(done.image) * embed(portrait)).sum()) < 1 - 1e-4
    outside = (done.mask == 0).expand_as(portrait)
    assert outside.float().mean() > 0.8 and torch.equal(done.image[outside], portrait[outside])
    assert not torch.equal(done.moved, done.short.latents[0])
    # Up, learning, the search, and the finished picture; nothing of it twice.
    assert done.evaluations["denoiser"] == model.evaluations == 3 * (1 + (2 + 1) + done.outcome.iterations + 1)
    assert done.evaluations["decoder"] == 1 + done.outcome.iterations + 1


def test_two_faces_are_moved_apart_from_each_other(portrait, toy):
    both = torch.cat([portrait, portrait], -1)
    face = find_faces(portrait)[0]
    second = Face(tuple(v + 512 * (i % 2 == 0) for i, v in enumerate(face.box)), face.points + torch.tensor([512.0, 0]))
    done, _ = portrait_with(toy, quick(DEFAULT, 3), both, faces=[face, second])
    changed = (done.image - both).abs().amax((0, 1, 2)) > 0
    assert changed[:512].any() and changed[512:].any()
    assert len(done.moved) == len(done.short.conditionings[0].context) == 2


def test_progress_tells_learning_from_searching_and_can_cancel(portrait, toy):
    seen = []

    def step_seen(step, objective):
        seen.append(objective is None)
        if len(seen) == 8:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        portrait_with(toy, quick(DEFAULT, 10), portrait, on_step=step_seen)
    assert seen == [True] * 6 + [False] * 2


def test_bad_input_is_refused_in_one_sentence(portrait, toy):
    with pytest.raises(InputError, match="last 5 steps of a schedule of 4"):
        portrait_with(toy, quick(DEFAULT, 2, steps=4, last=5), portrait)

    class Sixteen(Doubling):
        def encode(self, image):
            return super().encode(image).repeat(1, 4, 1, 1)

    with pytest.raises(InputError, match="latents of 4 channels and this one has 16"):
        portrait_with(toy, quick(DEFAULT, 2), portrait, autoencoder=Sixteen())
    with pytest.raises(InputError, match="pooled vector of size 8; this conditioning has 8 and none"):
        portrait_with(toy, quick(DEFAULT, 2), portrait, unconditional=Conditioning(torch.zeros(1, 3, 8)))
    with pytest.raises(InputError, match="full, light"):
        portrait_with(toy, quick(DEFAULT, 2, attention="maps"), portrait)


@pytest.mark.slow
def test_what_went_through_the_denoising_is_less_similar_and_the_rest_stays(portrait, dlib_recogniser, generator):
    face = find_faces(portrait)[0]
    recipe = quick(DEFAULT, 10, steps=8, last=2)
    done = protect_through_denoising(portrait, [face], *generator, [dlib_recogniser], recipe)
    embed = lambda image: Ensemble([dlib_recogniser]).embed(image, face.points[None])["dlib"]
    assert float((embed(done.image) * embed(portrait)).sum()) < 0.995
    assert torch.equal(done.image[..., 300:, :], portrait[..., 300:, :])
    # What was learned leads nearer to the photo than the empty prompt does.
    denoiser = generator[0]
    plain = unlearned(done.path, denoiser.describe([""]), 2)
    assert short_path_error(denoiser, done.path, done.short) < short_path_error(denoiser, done.path, plain)
