"""ComfyUI's models as the core sees them, with a stand-in for ComfyUI."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from faceveil.core.engines.denoiser import Conditioning


class There(Tensor):
    """An answer on the model's device: it can do nothing but be moved."""

    def to(self, device):
        assert device == torch.device("cpu")
        return torch.full(self.shape, 0.25)


@pytest.fixture
def sampling(comfy):
    return importlib.import_module("faceveil.nodes.adapters.sampling")


def test_a_model_on_another_device_is_asked_there_and_its_answer_comes_back(sampling):
    """As on a machine whose device lacks operators we need: models are there, everything of ours on the CPU."""
    asked = []

    def model(x, sigma, **options):
        asked.append((x.device.type, sigma.device.type, tuple(sigma.shape), options))
        return torch.zeros(x.shape).as_subclass(There)

    guider = SimpleNamespace(
        inner_model=SimpleNamespace(model_sampling=SimpleNamespace(sigma_min=0.0)),
        model_patcher=SimpleNamespace(load_device=torch.device("meta")),
    )
    denoiser = sampling.SamplerDenoiser(model, guider, [0.5, 0.0], {"seed": 3})
    said = Conditioning(torch.zeros(1, 2, 4))
    answer = denoiser.denoise(torch.ones(2, 4, 8, 8), 0.5, said)
    assert asked == [("meta", "meta", (2,), {"seed": 3})] and guider.now is said
    assert torch.equal(answer, torch.full((2, 4, 8, 8), 0.25))
    assert denoiser.device == "cpu"
