"""Where samplers begin with what Invert to Trajectory hands on."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import pytest
import torch


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
