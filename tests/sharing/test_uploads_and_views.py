"""What sharing does: for real, and as views for the loss."""

from __future__ import annotations

import pytest
import torch

from faceveil.core.images import read_photo, to_bchw
from faceveil.core.sharing.upload import UPLOADS, down_up, real_jpeg
from faceveil.core.sharing.views import KINDS, View, apply_view, draw_view


@pytest.fixture(scope="module")
def photo(examples) -> torch.Tensor:
    """A part of a photo whose sides are multiples of nothing (1, 3, 133, 101)."""
    return to_bchw(read_photo(examples / "portrait.png").pixels)[..., 150:283, 180:281]


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", UPLOADS)
def test_uploads_keep_the_size_give_eight_bits_and_change_something(name, photo):
    batch = torch.cat([photo, photo.flip(-1)])
    before = batch.clone()
    shared = UPLOADS[name](batch)
    assert shared.shape == batch.shape and shared.dtype == torch.float32
    assert torch.equal(shared, (shared * 255).round() / 255)
    assert 0 < (shared - batch).abs().mean() < 0.05
    assert torch.equal(UPLOADS[name](photo), shared[:1]) and torch.equal(batch, before)


def test_lower_quality_and_halved_colour_lose_more(photo):
    loss = [float((real_jpeg(photo, quality) - photo).abs().mean()) for quality in (95, 75, 30)]
    assert loss == sorted(loss) and loss[0] < loss[2]
    stripes = torch.zeros(1, 3, 64, 64)
    stripes[:, 0, :, ::2] = 1
    whole, halved = (real_jpeg(stripes, 95, kind) for kind in ("4:4:4", "4:2:0"))
    assert (whole - stripes).abs().mean() < 0.1 * (halved - stripes).abs().mean()


def test_half_size_washes_a_checkerboard_out():
    board = (torch.arange(64)[:, None] + torch.arange(64)).remainder(2).float().expand(1, 3, 64, 64)
    assert down_up(board, 0.5)[..., 8:-8, 8:-8].std() < 0.05


def test_the_same_seed_draws_the_same_views_and_touches_no_other_randomness():
    state = torch.random.get_rng_state()
    first, second = generator(3), generator(3)
    drawn = [draw_view(first, KINDS) for _ in range(200)]
    assert drawn == [draw_view(second, KINDS) for _ in range(200)]
    assert {view.kind for view in drawn} == set(KINDS) and len({view.strength for view in drawn}) == 200
    assert torch.equal(torch.random.get_rng_state(), state)
    assert {draw_view(first, ("blur",)).kind for _ in range(5)} == {"blur"}


@pytest.mark.parametrize("strength", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("kind", KINDS)
def test_views_keep_shape_and_range_and_give_a_gradient(kind, strength, photo):
    image = photo.clone().requires_grad_()
    seen = apply_view(image, View(kind, strength))
    assert seen.shape == image.shape and seen.min() > -1e-6 and seen.max() < 1 + 1e-6
    gradient = torch.autograd.grad(seen.sum(), image)[0]
    assert gradient.isfinite().all() and gradient.abs().sum() > 0
    assert torch.equal(seen, apply_view(image, View(kind, strength)))
    assert torch.equal(seen, image) == (kind == "plain")


@pytest.mark.parametrize("kind", ["resize", "blur"])
def test_stronger_views_smooth_more(kind, photo):
    rough = [float(apply_view(photo, View(kind, strength)).diff(dim=-1).abs().mean()) for strength in (0.0, 0.5, 1.0)]
    assert rough == sorted(rough, reverse=True) and rough[0] > rough[2]


def test_the_jpeg_view_is_the_real_thing_and_its_gradient_passes_straight_through(photo):
    image = photo.clone().requires_grad_()
    seen = apply_view(image, View("jpeg", 1.0))
    assert torch.allclose(seen, real_jpeg(photo, 50), atol=1e-6)
    weights = torch.randn(photo.shape, generator=generator(0))
    assert torch.equal(torch.autograd.grad((seen * weights).sum(), image)[0], weights)


@pytest.mark.parametrize("kind", ["resize", "blur", "light"])
def test_gradients_of_smooth_views_agree_with_finite_differences(kind):
    image = 0.3 + 0.4 * torch.rand(1, 3, 12, 15, generator=generator(1), dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: apply_view(x, View(kind, 0.7)), image.requires_grad_(), atol=1e-6)
