"""Texture hides more than flat colour."""

from __future__ import annotations

import torch

from faceveil.core.perception.masking import hiding


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
