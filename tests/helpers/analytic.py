"""A generator whose path is known: data that is a centred Gaussian."""

from __future__ import annotations

import math

import torch

from faceveil.core.engines.denoiser import Conditioning

NOTHING = Conditioning(torch.zeros(1, 1, 1))


class Gaussian:
    """The best denoiser of N(0, spread^2), for either way of laying noise."""

    name, smallest = "gaussian", 1e-4

    def __init__(self, flow: bool, spread: float = 0.5) -> None:
        self.flow, self.spread, self.evaluations = flow, spread, 0

    def scale(self, sigma: float) -> float:
        """Along the ODE every point keeps its place in units of this."""
        signal = 1 - sigma if self.flow else 1.0
        return math.sqrt((signal * self.spread) ** 2 + sigma**2)

    def denoise(self, x, sigma, conditioning):
        self.evaluations += len(x)
        signal = 1 - sigma if self.flow else 1.0
        return x * signal * self.spread**2 / self.scale(sigma) ** 2

    def sigmas(self, steps, size):
        return torch.linspace(1.0 if self.flow else 14.0, 0, steps + 1).tolist()

    def describe(self, prompts, guidance=None):
        return NOTHING
