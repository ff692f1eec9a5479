"""How visible a change is, measured on a face."""

from __future__ import annotations

import pytest
import torch
from other_device import DEVICE, OtherDevice
from random_backbones import only_in_the_hub, put_into_the_hub

from faceveil.core.verdict import quality


@pytest.fixture
def pair():
    return torch.rand(2, 1, 3, 48, 40, generator=torch.Generator().manual_seed(0)).unbind(0)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    only_in_the_hub(tmp_path, monkeypatch)
    quality._lpips.cache_clear()
    yield tmp_path
    quality._lpips.cache_clear()


def test_lpips_is_measured_as_soon_as_its_weights_are_there(hub, pair):
    assert quality.lpips_on_face("alex", *pair) is None
    put_into_the_hub("alex", hub)
    assert quality.lpips_on_face("alex", *pair) > 0


def test_lpips_goes_where_the_pictures_are(hub, pair):
    put_into_the_hub("alex", hub)
    here = quality.lpips_on_face("alex", *pair)
    with OtherDevice():
        assert quality.lpips_on_face("alex", *(picture.to(DEVICE) for picture in pair)) == pytest.approx(here)
    assert quality.lpips_on_face("alex", *pair) == here
