"""ComfyUI's models as the core sees them, with a stand-in for ComfyUI, on a device that lacks operators we need."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import pytest
import torch
from other_device import DEVICE, OtherDevice

from faceveil.core.engines.denoiser import Conditioning


class Prepared(SimpleNamespace):
    """A text as ComfyUI hands it to its models."""

    def _copy_with(self, cond):
        return Prepared(cond=cond)


@pytest.fixture
def sampling(comfy):
    return importlib.import_module("faceveil.nodes.adapters.sampling")


def denoiser_of(sampling, model):
    guider = SimpleNamespace(
        inner_model=SimpleNamespace(model_sampling=SimpleNamespace(sigma_min=0.0)),
        model_patcher=SimpleNamespace(load_device=DEVICE, get_model_object=lambda name: SimpleNamespace()),
        conds={"source": [{"model_conds": {"c_crossattn": Prepared(cond=torch.rand(1, 2, 4).to(DEVICE))}}]},
    )
    return sampling.SamplerDenoiser(model, guider, [0.5, 0.0], {"seed": 3})


def test_a_model_is_asked_where_it_is_and_its_answer_and_gradient_come_back(sampling):
    asked = []

    def model(x, sigma, **options):
        asked.append((x.device, sigma.device, tuple(sigma.shape), options))
        return x * 0.5 * sigma.view(-1, 1, 1, 1)

    with OtherDevice():
        denoiser, said = denoiser_of(sampling, model), Conditioning(torch.zeros(1, 2, 4))
        x = torch.ones(2, 4, 8, 8, requires_grad=True)
        answer = denoiser.denoise(x, 0.5, said)
        (slope,) = torch.autograd.grad(answer.sum(), x)
    assert asked == [(DEVICE, DEVICE, (2,), {"seed": 3})] and denoiser.guider.now is said
    assert answer.device.type == slope.device.type == denoiser.device == "cpu"
    assert torch.equal(answer, torch.full_like(x, 0.25)) and torch.equal(slope, answer)


def test_a_prompt_is_learned_where_we_compute_and_said_where_the_model_is(sampling):
    with OtherDevice():
        denoiser = denoiser_of(sampling, None)
        said = denoiser.text()
        (back,) = sampling.saying(denoiser.guider.conds["source"], said)
        assert said.context.device.type == "cpu"
        assert back["model_conds"]["c_crossattn"].cond.device == DEVICE
