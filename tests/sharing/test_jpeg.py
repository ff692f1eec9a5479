"""Against libjpeg, and the gradient against the pipeline without its roundings."""

from __future__ import annotations

import pytest
import torch

from faceveil.core.images import read_photo, to_bchw
from faceveil.core.sharing.jpeg import jpeg
from faceveil.core.sharing.upload import real_jpeg


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
@pytest.mark.parametrize("quality", [30, 50, 75, 95])
@pytest.mark.parametrize("name", ["portrait.png", "person-first.jpg"])
def test_agrees_with_libjpeg_at_any_size(name, quality, subsampling, examples):
    photo = to_bchw(read_photo(examples / name).pixels)[..., :301, :245]
    error = (jpeg(photo, quality, subsampling) - real_jpeg(photo, quality, subsampling)).abs()
    assert error.mean() < 1 / 255
    assert error.mean() < 0.5 * (photo - real_jpeg(photo, quality, subsampling)).abs().mean() or quality > 90


@pytest.mark.parametrize("size", [(32, 48), (37, 51), (1, 9)])
def test_full_colour_passes_the_gradient_on_as_it_is(size):
    image = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0)).requires_grad_()
    weights = torch.randn(image.shape, generator=torch.Generator().manual_seed(1))
    assert torch.equal(torch.autograd.grad((jpeg(image, 75, "4:4:4") * weights).sum(), image)[0], weights)


def test_halved_colour_keeps_the_gradient_of_brightness_and_averages_that_of_colour():
    image = torch.rand(1, 3, 37, 51, generator=torch.Generator().manual_seed(0)).requires_grad_()
    grey = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    weights = torch.randn(1, 1, 37, 51, generator=torch.Generator().manual_seed(1)) * grey
    gradient = torch.autograd.grad((jpeg(image, 75) * weights).sum(), image, retain_graph=True)[0]
    assert torch.allclose(gradient, weights, atol=1e-5)
    stripes = torch.zeros(1, 3, 37, 51)
    stripes[:, 2, :, ::2], stripes[:, 2, :, 1::2] = 1, -1
    colour = torch.autograd.grad((jpeg(image, 75) * stripes).sum(), image)[0][:, 2, 4:-4, 4:-4]
    assert colour.abs().mean() < 0.7


def test_every_picture_may_have_its_own_quality():
    batch = torch.rand(2, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    both = jpeg(batch, torch.tensor([30, 90]))
    assert torch.allclose(both[1:], jpeg(batch[1:], 90)) and torch.allclose(both[:1], jpeg(batch[:1], 30))
