"""A denoiser that counts its evaluations."""

from __future__ import annotations

from torch import Tensor

from .denoiser import Conditioning, Denoiser


class Counted:
    """Evaluations are the cost that does not depend on the machine: one for each latent, and one more where it is
    computed again for a gradient."""

    def __init__(self, denoiser: Denoiser) -> None:
        self.denoiser, self.evaluations = denoiser, 0
        self.name, self.flow, self.smallest = denoiser.name, denoiser.flow, denoiser.smallest
        self.sigmas, self.describe = denoiser.sigmas, denoiser.describe

    def denoise(self, x: Tensor, sigma: float, conditioning: Conditioning) -> Tensor:
        self.evaluations += len(x)
        return self.denoiser.denoise(x, sigma, conditioning)
