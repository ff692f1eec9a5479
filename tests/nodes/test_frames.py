"""Latents with a time axis, taken for pictures."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from faceveil.core.errors import InputError
from faceveil.nodes.adapters.pictures import OneFrame, flat, has_time, latents_of, shaped_like


def test_one_frame_is_a_picture_and_several_are_refused():
    one, plain = torch.rand(2, 16, 1, 4, 4), torch.rand(2, 16, 4, 4)
    assert torch.equal(flat(one), one[:, :, 0]) and flat(plain) is plain
    assert torch.equal(shaped_like(flat(one), one), one) and shaped_like(plain, plain) is plain
    assert latents_of({"samples": one}).shape == (2, 16, 4, 4)
    with pytest.raises(InputError, match="encode its pictures one by one"):
        flat(torch.rand(1, 16, 3, 4, 4))


def test_a_format_of_videos_scales_pictures_channel_by_channel():
    mean = torch.arange(4.0).view(1, 4, 1, 1, 1)
    videos = SimpleNamespace(
        latent_channels=4, latent_dimensions=3, process_in=lambda x: x - mean, process_out=lambda x: x + mean
    )
    latent = torch.arange(72.0).view(2, 4, 3, 3) / 64  # which adding and taking away a whole number leaves exact
    assert has_time(videos) and not has_time(OneFrame(videos))
    assert torch.allclose(OneFrame(videos).process_in(latent), latent - mean[:, :, 0])
    assert torch.allclose(OneFrame(videos).process_out(OneFrame(videos).process_in(latent)), latent)
