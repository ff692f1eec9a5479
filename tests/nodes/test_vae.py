"""What the VAE adapter works out by itself; a real VAE is put through it in the integration tests."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from faceveil.core.errors import InputError
from faceveil.nodes.adapters.vae import output_scale, refuse_unsuited


def test_a_vaes_own_scale_is_read_off_without_its_clamp():
    assert output_scale(lambda x: ((x + 1) / 2).clamp(0, 1)) == pytest.approx((0.5, 0.5))
    assert output_scale(lambda x: x) == pytest.approx((0.0, 1.0))
    assert isinstance(output_scale(torch.clone)[0], float)


def video(frames):
    """A VAE as ComfyUI describes that of a video, which makes so many frames of a single one."""
    ratios = {"downscale_ratio": (lambda a: (a + 3) // 4, 8, 8), "upscale_ratio": (lambda a: a * frames, 8, 8)}
    return {"latent_dim": 3, "output_channels": 3, **ratios}


def test_a_vae_of_videos_that_gives_one_frame_for_one_is_one_for_pictures():
    assert refuse_unsuited(SimpleNamespace(**video(1))) == 8
    with pytest.raises(InputError):
        refuse_unsuited(SimpleNamespace(**video(4)))


@pytest.mark.parametrize("wrong", [{"latent_dim": 3}, {"output_channels": 2}, {"downscale_ratio": (lambda a: a, 8, 8)}])
def test_vaes_of_videos_and_sounds_are_refused(wrong):
    suited = {"latent_dim": 2, "output_channels": 3, "downscale_ratio": 8}
    refuse_unsuited(SimpleNamespace(**suited))
    with pytest.raises(InputError, match="not one for single pictures"):
        refuse_unsuited(SimpleNamespace(**{**suited, **wrong}))
