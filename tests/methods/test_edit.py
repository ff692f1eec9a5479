"""Editing on a model whose answer is known, and on the bundled one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from analytic import Gaussian
from small_flux import Doubling, SmallFlux

from faceveil.core.engines.denoiser import Conditioning
from faceveil.core.errors import InputError
from faceveil.core.faces.find import find_faces
from faceveil.core.methods.canvas import Canvas, square_around
from faceveil.core.methods.edit import edit_image, path_of
from faceveil.core.methods.guard import PUBLISHED_GUARD, GuardRecipe
from faceveil.core.methods.guarding import InLoop, ovals
from faceveil.core.methods.wish import Edit, injected, published
from faceveil.core.optimise import Settings


class Halves:
    """An autoencoder that only changes size, and so loses detail finer than two pixels."""

    name, multiple = "halves", 2

    def encode(self, image):
        return torch.nn.functional.avg_pool2d(image, 2) - 0.5

    def decode(self, latent):
        return torch.nn.functional.interpolate(latent, scale_factor=2, mode="nearest") + 0.5


class Coloured(Gaussian):
    """Adds to everything it sees what the prompt names."""

    colours = {"red": (0.4, 0.0, 0.0)}  # noqa: RUF012

    def describe(self, prompts, guidance=None):
        return Conditioning(torch.tensor([self.colours.get(p, (0.0, 0.0, 0.0)) for p in prompts])[:, None])

    def denoise(self, x, sigma, conditioning):
        return super().denoise(x, sigma, conditioning) + conditioning.context[:, 0, :, None, None]


@pytest.fixture
def picture():
    return torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 0.5


@pytest.fixture
def mask():
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 16:48, 16:48] = 1
    return mask


@pytest.mark.parametrize("editor", ["invert", "flow"])
@pytest.mark.parametrize("solver", ["euler", "midpoint", "reuse"])
def test_an_edit_does_what_the_word_says_inside_and_nothing_outside(picture, mask, editor, solver):
    wish = Edit("red", steps=20, editor=editor, solver=solver)
    done = edit_image(picture, mask, wish, Coloured(True), Halves(), size=64)
    change = done.image - picture
    assert torch.equal(done.image[mask.expand(-1, 3, -1, -1) == 0], picture[mask.expand(-1, 3, -1, -1) == 0])
    middle = change[..., 24:40, 24:40].mean((0, 2, 3))
    assert middle[0] > 0.1 and middle[1:].abs().max() < 0.05


def test_detail_that_the_autoencoder_cannot_hold_survives(picture, mask):
    done = edit_image(picture, mask, Edit("nothing", steps=20, solver="midpoint"), Coloured(True), Halves(), size=64)
    assert float((done.image - picture).abs().max()) < 0.01


def test_evaluations_are_counted(picture, mask):
    count = lambda wish: edit_image(picture, mask, wish, Coloured(True), Halves(), size=64).evaluations
    assert count(Edit("red", steps=25, solver="midpoint")) == 100
    assert count(Edit("red", steps=25)) == 52
    assert count(Edit("red", steps=25, editor="flow")) == 50


def test_two_branches_from_the_start_cost_what_was_published_and_end_where_the_shared_ones_do(picture, mask):
    wish = Edit("red", steps=25, solver="midpoint")
    shared, apart = (
        edit_image(picture, mask, replace(wish, shared=way), Coloured(True), Halves(), size=64) for way in (True, False)
    )
    assert (shared.evaluations, apart.evaluations) == (100, 150)
    assert torch.allclose(shared.image, apart.image, atol=1e-6) and len(apart.latent) == 2


def test_small_regions_are_injected_3_steps_and_large_ones_5(picture, mask):
    wish, sigmas = Edit("red", inject=None), [1 - step / 25 for step in range(26)]
    small = torch.zeros_like(mask)
    small[..., :16, :16] = 1
    assert [injected(wish, each, sigmas) for each in (small, mask)] == [3, 5]
    assert injected(wish, mask, sigmas[-5:]) == 4 and injected(replace(wish, editor="flow"), mask, sigmas) == 0
    assert injected(Edit("red", inject=2), mask, sigmas) == 2


def test_injected_values_hold_the_original(mask):
    model, autoencoder = SmallFlux(), Doubling()
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    plain, held = (
        edit_image(picture, mask, Edit("red", steps=6, inject=steps), model, autoencoder, size=32) for steps in (0, 3)
    )
    assert held.trajectory.values and not plain.trajectory.values and held.evaluations == plain.evaluations
    assert not torch.equal(held.latent, plain.latent)


def test_the_published_settings_are_the_published_ones():
    wish = published(Edit("red", steps=3, solver="euler"))
    assert (wish.solver, wish.steps, wish.by_time, wish.prompt) == ("midpoint", 25, False, "red")
    assert (wish.inject, wish.shared) == (None, False)
    assert (PUBLISHED_GUARD.rate, PUBLISHED_GUARD.settings.iterations, PUBLISHED_GUARD.predicted) == (0.02, 10, False)


def test_bad_wishes_get_one_sentence(picture, mask):
    with pytest.raises(InputError, match="mask is empty"):
        edit_image(picture, mask * 0, Edit("red"), Coloured(True), Halves())
    with pytest.raises(InputError, match="no editor 'magic'"):
        edit_image(picture, mask, Edit("red", editor="magic"), Coloured(True), Halves())
    with pytest.raises(InputError, match="injected in 30 of 25 steps"):
        edit_image(picture, mask, Edit("red", inject=30), Coloured(True), Halves())
    with pytest.raises(InputError, match="follows no trajectory"):
        edit_image(picture, mask, Edit("red", editor="flow", inject=3), Coloured(True), Halves())
    with pytest.raises(InputError, match="start of 0"):
        edit_image(picture, mask, Edit("red", start=0), Coloured(True), Halves())


@pytest.mark.parametrize("start", [1.0, 0.5, 0.2, 0.025])
def test_25_steps_are_25_steps_wherever_they_start(picture, mask, start):
    counted = []
    wish = Edit("red", steps=25, start=start)
    edit_image(picture, mask, wish, Coloured(True), Halves(), size=64, on_step=counted.append)
    assert [moment.step for moment in counted] == list(range(25)) and {moment.of for moment in counted} == {25}


def test_whoever_asks_for_25_steps_hears_of_no_other_number(picture, mask):
    """A share of .02 would be 25 of 1250 steps, of which nobody spoke."""

    class Refusing(Coloured):
        def sigmas(self, steps, size):
            raise AssertionError(f"{steps} steps were made")

    with pytest.raises(InputError, match=r"^25 steps do not fit into a start of 0\.02: choose 0\.025 or more"):
        edit_image(picture, mask, Edit("red", steps=25, start=0.02), Refusing(True), Halves(), size=64)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (65, 63), (33, 96)])
def test_a_known_path_is_taken_for_pictures_of_its_proportions_and_no_others(height, width):
    """Where it was made of a copy of another size, or cut to whole cells, it is still this picture's."""
    latent = torch.zeros(1, 3, height // 2, width // 2)
    for scale in (1, 3):
        picture = torch.full((1, 3, scale * height, scale * width), 0.5)
        assert Canvas.whole(picture, latent, Halves()).clean.shape == latent.shape
    with pytest.raises(InputError, match=rf"{width // 2} x {height // 2} cells.*{width + 24} x {height} pixels"):
        Canvas.whole(torch.zeros(1, 3, height, width + 24), latent, Halves())


def test_an_edit_along_a_path_of_another_crop_is_refused(picture, mask):
    wish = Edit("red", steps=2)
    path = edit_image(picture, mask, wish, Coloured(True), Halves()).trajectory
    with pytest.raises(InputError, match="other proportions"):
        edit_image(picture[..., :48], mask[..., :48], wish, Coloured(True), Halves(), known=path)


def along(path, picture, mask, model=None, **wish):
    """An edit along a path that is known."""
    return edit_image(
        picture, mask, Edit(**{"prompt": "red", "steps": 6, **wish}), model or Coloured(True), Halves(), known=path
    )


def test_a_path_that_is_known_serves_other_edits_of_the_whole_picture(picture, mask):
    wide, part = torch.cat([picture, picture.flip(2)], 3), torch.cat([mask, mask * 0], 3)
    path = path_of(wide, part, Edit("red", steps=6), Coloured(True), Halves(), size=64)
    assert path.clean.shape == (1, 3, 16, 32) and len(path.sigmas) == 7
    first, other = along(path, wide, part), along(path, wide, part.flip(3), prompt="nothing")
    inverted = edit_image(wide, part, Edit("red", steps=6), Coloured(True), Halves(), size=64).evaluations
    assert first.evaluations == inverted - 7 + 1, "asked once whose path it is, and not inverted"
    assert first.trajectory is path and (first.image - wide)[:, 0, 24:40, 24:40].mean() > 0.1
    assert (other.image - wide).abs().max() < 0.05


def test_a_path_of_another_picture_crop_or_model_is_refused(picture, mask):
    path = path_of(picture, mask, Edit("red", steps=6), Coloured(True), Halves(), size=64)
    along(path, picture, mask)
    for other in (picture.roll(4, 3), picture.flip(3), picture * 0, picture * torch.nan):
        with pytest.raises(InputError, match="another picture, of another crop"):
            along(path, other, mask)
    with pytest.raises(InputError, match="another model"):
        along(path, picture, mask, Gaussian(False))
    path.latents.values[0] = torch.zeros(1, 16, 32, 32)
    with pytest.raises(InputError, match="of 16 channels, and this model's have 3"):
        along(path, picture, mask)


def test_more_attention_values_than_were_recorded_are_not_made_up(mask):
    model = SmallFlux()
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    wish = Edit("red", steps=6, inject=2)
    path = path_of(picture, mask, wish, model, Doubling(), size=32)
    held = edit_image(picture, mask, wish, model, Doubling(), known=path)
    assert held.trajectory is path
    with pytest.raises(InputError, match="were recorded"):
        edit_image(picture, mask, replace(wish, inject=4), model, Doubling(), known=path)


@pytest.mark.parametrize("box", [(0, 0, 3, 3), (60, 60, 64, 64), (0, 0, 64, 64), (10, 30, 14, 64)])
def test_windows_hold_the_mask_and_stay_square(box):
    mask = torch.zeros(1, 1, 64, 80)
    left, top, right, bottom = box
    mask[..., top:bottom, left:right] = 1
    window = square_around(mask)
    assert window.width == window.height
    assert window.left <= left and window.top <= top and window.right >= right and window.bottom >= bottom


def test_faces_get_what_the_guard_changed_and_not_what_the_edit_strayed(portrait, dlib_recogniser):
    faces = find_faces(portrait)
    mask = torch.zeros_like(portrait[:, :1])
    mask[..., :40, :40] = 1
    idle = GuardRecipe(rate=0.0, settings=Settings(1))
    wish = Edit("red", steps=10, high=0.5)
    guard = InLoop(faces, [dlib_recogniser], idle)
    done = edit_image(portrait, mask, wish, Coloured(True), Halves(), size=256, in_loop=guard)
    strayed = (done.latent[:1] - done.clean)[:, 0]
    assert float(strayed.mean()) > 0.02
    assert float((done.image - portrait)[(mask == 0).expand_as(portrait)].abs().max()) < 1e-5


@pytest.mark.slow
def test_a_guarded_edit_is_no_longer_matched_and_leaves_the_rest(portrait, dlib_recogniser):
    from faceveil.core.regions.named import region_mask

    faces = find_faces(portrait)
    mask = region_mask(faces, ["lips"], *portrait.shape[-2:])
    guard = InLoop(faces, [dlib_recogniser], GuardRecipe())
    done = edit_image(portrait, mask, Edit("red", steps=10), Gaussian(True), Halves(), size=256, in_loop=guard)
    assert done.won
    points = faces[0].points[None]
    from faceveil.core.recognisers.ensemble import Ensemble

    ensemble = Ensemble([dlib_recogniser])
    cosine = (ensemble.embed(done.image, points)["dlib"] * ensemble.embed(portrait, points)["dlib"]).sum()
    assert float(cosine) < dlib_recogniser.threshold("1e-2")
    may_change = (torch.maximum(mask, ovals(faces, mask)) > 0).expand_as(portrait)
    assert torch.equal(done.image[~may_change], portrait[~may_change])
    assert float(may_change.float().mean()) < 0.15
    assert done.evaluations == 11 + 9 + 2 * 3
