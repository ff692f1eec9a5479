"""Texture hides more than flat colour."""

from __future__ import annotations

import torch

from faceveil.core.perception.blur import blurred
from faceveil.core.perception.masking import hiding, spread_contrast


def test_texture_hides_and_flat_colour_does_not():
    image = torch.full((1, 3, 64, 64), 0.5)
    image[..., 32:] += 0.2 * (torch.rand(1, 1, 64, 32, generator=torch.Generator().manual_seed(0)) - 0.5)
    allowed = hiding(image)
    assert allowed.shape == (1, 1, 64, 64)
    assert torch.equal(allowed[..., :24], torch.full((1, 1, 64, 24), 0.4))
    assert allowed[..., 40:].min() > 0.8 and allowed.max() <= 2.0


def test_colour_noise_of_even_brightness_counts_as_flat():
    image = torch.full((1, 3, 32, 32), 0.5)
    noise = 0.2 * (torch.rand(32, 32, generator=torch.Generator().manual_seed(0)) - 0.5)
    image[0, 0] += noise
    image[0, 1] -= noise * 0.299 / 0.587
    assert hiding(image).max() < 0.41


def test_spread_contrast_of_noise_is_its_deviation():
    noise = 0.03 * torch.randn(1, 1, 256, 256, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(spread_contrast(noise, 12)[..., 64:-64, 64:-64].mean(), torch.tensor(0.03), rtol=0.03)


def test_a_line_by_itself_counts_for_little_of_its_deviation():
    line = torch.zeros(1, 1, 128, 128)
    line[..., 63:65] = 0.5
    beside = (slice(None), slice(None), 64, 64 + 12)
    deviation = blurred(line.square(), 12).sqrt()
    assert spread_contrast(line, 12)[beside] < 0.15 * deviation[beside]


def test_spread_contrast_has_a_gradient_where_there_is_nothing():
    nothing = torch.zeros(1, 1, 16, 16, requires_grad=True)
    spread_contrast(nothing, 2).sum().backward()
    assert nothing.grad.isfinite().all()
