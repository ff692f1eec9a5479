"""What the VAE adapter works out by itself; a real VAE is put through it in the integration tests."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from faceveil.core.errors import InputError
from faceveil.nodes.adapters.vae import decoder_with_gradient, output_scale, refuse_unsuited


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


def test_what_has_kinks_decodes_in_whole_on_a_copy_and_all_else_is_left_as_it_is():
    kinked, gentle = (nn.Sequential(nn.Linear(2, 2), bend()).half() for bend in (nn.ReLU, nn.SiLU))
    whole, kind = decoder_with_gradient(kinked, torch.float16)
    assert kind == whole[0].weight.dtype == torch.float32 and kinked[0].weight.dtype == torch.float16
    assert torch.equal(whole[0].weight.half(), kinked[0].weight)
    assert decoder_with_gradient(gentle, torch.float16) == (gentle, torch.float16)
    exact = kinked.float()
    assert decoder_with_gradient(exact, torch.float32) == (exact, torch.float32)
