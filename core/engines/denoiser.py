"""What every method here needs of a generator: one function, `denoise(x, sigma, conditioning) -> x0`.

With it the probability-flow ODE is the same for all families, dx/dsigma = (x - x0) / sigma. For flow
models its right-hand side is the velocity, for Stable Diffusion's an Euler step of it is DDIM.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from ..errors import InputError


@dataclass(frozen=True)
class Conditioning:
    """A prompt as the model takes it. Gradients may flow to the tensors."""

    context: Tensor
    """(B, tokens, size): what cross-attention or joint attention reads."""
    pooled: Tensor | None = None
    """(B, size): what modulates the whole picture, where the family has it."""
    guidance: float | None = None
    """Distilled guidance, where the family has it; else the scale of classifier-free guidance."""
    negative: Conditioning | None = None
    """What classifier-free guidance leads away from; its tensors may be learned ones, with gradients."""

    def repeated(self, count: int) -> Conditioning:
        """The same for `count` pictures."""
        pooled = None if self.pooled is None else self.pooled.expand(count, -1)
        negative = None if self.negative is None else self.negative.repeated(count)
        return replace(self, context=self.context.expand(count, -1, -1), pooled=pooled, negative=negative)


class Denoiser(Protocol):
    """A generator, whichever library it lives in."""

    name: str
    flow: bool
    """How noise is laid: (1 - sigma) * clean + sigma * noise, or clean + sigma * noise."""
    smallest: float
    """The least noise the model knows; below it, it is asked at this sigma."""

    def denoise(self, x: Tensor, sigma: float, conditioning: Conditioning) -> Tensor:
        """The clean latent that the model sees in x; differentiable in x and in the conditioning."""

    def sigmas(self, steps: int, size: tuple[int, int]) -> list[float]:
        """`steps` + 1 levels from the most noise to 0, for a latent of this height and width."""

    def describe(self, prompts: Sequence[str], guidance: float | None = None) -> Conditioning:
        """Prompts as conditioning."""


def noised(denoiser: Denoiser, clean: Tensor, noise: Tensor, sigma: float) -> Tensor:
    """A clean latent at a level of noise."""
    return (1 - sigma) * clean + sigma * noise if denoiser.flow else clean + sigma * noise


def velocity(denoiser: Denoiser, x: Tensor, sigma: float, conditioning: Conditioning) -> Tensor:
    """dx/dsigma of the probability-flow ODE."""
    level = max(sigma, denoiser.smallest)
    return (x - denoiser.denoise(x, level, conditioning)) / level


def seeded_noise(like: Tensor, seed: int) -> Tensor:
    """Standard noise, the same on every device."""
    return torch.randn(like.shape, generator=torch.Generator().manual_seed(seed)).to(like)


MOST_STEPS = 1000
"""So many levels of noise Stable Diffusion was trained on; others are not worth more."""


def checked_steps(steps: int) -> int:
    if not 1 <= steps <= MOST_STEPS:
        raise InputError(f"{steps} steps make no trajectory. Choose from 1 to {MOST_STEPS}; 25 is usual.")
    return steps
