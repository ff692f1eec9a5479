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
    calls = []

    def model(x, sigma, **options):
        calls.append((x.device, sigma.device, tuple(sigma.shape), options))
        return x * 0.5 * sigma.view(-1, 1, 1, 1)

    with OtherDevice():
        denoiser, conditioning = denoiser_of(sampling, model), Conditioning(torch.zeros(1, 2, 4))
        x = torch.ones(2, 4, 8, 8, requires_grad=True)
        answer = denoiser.denoise(x, 0.5, conditioning)
        (slope,) = torch.autograd.grad(answer.sum(), x)
    assert calls == [(DEVICE, DEVICE, (2,), {"seed": 3})] and denoiser.guider.now is conditioning
    assert answer.device.type == slope.device.type == denoiser.device == "cpu"
    assert torch.equal(answer, torch.full_like(x, 0.25)) and torch.equal(slope, answer)


def test_a_prompt_is_learned_where_we_compute_and_said_where_the_model_is(sampling):
    with OtherDevice():
        denoiser = denoiser_of(sampling, None)
        conditioning = denoiser.text()
        (back,) = sampling.with_text(denoiser.guider.conds["source"], conditioning)
        assert conditioning.context.device.type == "cpu"
        assert back["model_conds"]["c_crossattn"].cond.device == DEVICE


class Flow:
    """Noise as flow models lay it."""

    sigma_max = 1.0

    def noise_scaling(self, sigma, noise, latent, most):
        return sigma * noise + (1 - sigma) * latent

    def inverse_noise_scaling(self, sigma, latent):
        return latent / (1 - sigma)


class Added:
    """As Stable Diffusion's."""

    sigma_max = 14.6

    def noise_scaling(self, sigma, noise, latent, most):
        return (noise * (1 + sigma**2) ** 0.5 if most else noise * sigma) + latent

    def inverse_noise_scaling(self, sigma, latent):
        return latent


SCALED = SimpleNamespace(process_in=lambda x: (x - 0.1) * 0.4, process_out=lambda x: x / 0.4 + 0.1)


@pytest.fixture
def path_noise(comfy):
    made = importlib.import_module("faceveil.nodes.adapters.sampling").PathNoise

    def of(sampling, sigma):
        parts = {"model_sampling": sampling, "latent_format": SCALED}
        return made(torch.randn(1, 4, 8, 8), sigma, SimpleNamespace(get_model_object=parts.__getitem__))

    return of


@pytest.mark.parametrize(("sampling", "sigma"), [(Flow(), 0.7), (Flow(), 0.999), (Added(), 3.0), (Added(), 14.6)])
def test_a_sampler_without_noise_begins_at_the_end_of_the_path(path_noise, sampling, sigma):
    noise = path_noise(sampling, sigma)
    latent = SCALED.process_in(noise.begun_with())
    begun = sampling.noise_scaling(sigma, torch.zeros_like(latent), latent, sigma == sampling.sigma_max)
    assert torch.allclose(begun, noise.start, atol=1e-4)


def test_at_full_noise_no_latent_will_do_for_a_flow_model_and_none_is_broken(path_noise):
    noise = path_noise(Flow(), 1.0)
    assert torch.equal(noise.begun_with(), SCALED.process_out(noise.start))


@pytest.mark.parametrize(("sampling", "sigma"), [(Flow(), 0.7), (Flow(), 1.0), (Added(), 3.0), (Added(), 14.6)])
def test_with_its_noise_a_sampler_begins_there_whatever_the_latent(path_noise, sampling, sigma):
    noise, latent = path_noise(sampling, sigma), torch.randn(1, 4, 8, 8)
    made = noise.generate_noise({"samples": latent})
    begun = sampling.noise_scaling(sigma, made, SCALED.process_in(latent), sigma == sampling.sigma_max)
    assert torch.allclose(begun, noise.start, atol=1e-5)
