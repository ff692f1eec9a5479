"""What the VAE adapter works out by itself; a real VAE is put through it in the integration tests."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from faceveil.core.errors import InputError
from faceveil.nodes.adapters.autoencoder import output_scale, refuse_unsuited


def test_a_vaes_own_scale_is_read_off_without_its_clamp():
    assert output_scale(lambda x: ((x + 1) / 2).clamp(0, 1)) == pytest.approx((0.5, 0.5))
    assert output_scale(lambda x: x) == pytest.approx((0.0, 1.0))
    assert isinstance(output_scale(torch.clone)[0], float)


@pytest.mark.parametrize("wrong", [{"latent_dim": 3}, {"output_channels": 2}, {"downscale_ratio": (lambda a: a, 8, 8)}])
def test_vaes_of_videos_and_sounds_are_refused(wrong):
    suited = {"latent_dim": 2, "output_channels": 3, "downscale_ratio": 8}
    refuse_unsuited(SimpleNamespace(**suited))
    with pytest.raises(InputError, match="not one for single pictures"):
        refuse_unsuited(SimpleNamespace(**{**suited, **wrong}))
