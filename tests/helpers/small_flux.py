"""A Flux with random weights, small enough for finite differences, and an autoencoder to go with it."""

from __future__ import annotations

import torch

from faceveil.core.engines.bundled import FluxDenoiser
from faceveil.core.engines.denoiser import Conditioning
from faceveil.core.engines.flux import Flux, FluxShape

SHAPE = FluxShape(
    in_channels=16, vec_in_dim=8, context_in_dim=8, hidden_size=32, num_heads=2, depth=1, depth_single_blocks=2,
    axes_dim=(4, 6, 6),
)  # fmt: skip


class SmallFlux(FluxDenoiser):
    """Four channels; in double precision, so that two ways of computing the same differ by nothing else."""

    def __init__(self, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        flux = Flux(SHAPE).double().eval().requires_grad_(False)
        for name, parameter in flux.named_parameters():
            centre = 1.0 if name.endswith("scale") else 0.0
            parameter.copy_(centre + 0.15 * torch.randn(parameter.shape, generator=generator))
        super().__init__(flux, "small")
        self.evaluations = 0

    def denoise(self, x, sigma, conditioning):
        self.evaluations += len(x)
        return super().denoise(x, sigma, conditioning)

    def describe(self, prompts, guidance=None):
        generator = torch.Generator().manual_seed(len(prompts[0]))
        draw = lambda *shape: 0.5 * torch.randn(*shape, generator=generator, dtype=torch.float64)
        return Conditioning(draw(len(prompts), 3, 8), draw(len(prompts), 8), guidance)


class Doubling:
    """Four channels to three at twice the size; linear, so that nothing of it needs explaining."""

    name, multiple = "doubling", 2
    _MIX = torch.tensor([[0.5, 0.1, 0.0, 0.2], [0.0, 0.5, 0.1, -0.2], [0.1, 0.0, 0.5, 0.1]], dtype=torch.float64)

    def encode(self, image):
        small = torch.nn.functional.avg_pool2d(image, 2) - 0.5
        return torch.einsum("dc,bchw->bdhw", torch.linalg.pinv(self._MIX.to(image)), small)

    def decode(self, latent):
        colours = torch.einsum("cd,bdhw->bchw", self._MIX.to(latent), latent) + 0.5
        return torch.nn.functional.interpolate(colours, scale_factor=2)
