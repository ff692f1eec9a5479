"""The noisy end of a path as what ComfyUI's samplers begin with."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .frames import flat, shaped_like
from .vae import latent_format_of


class PathNoise:
    """A NOISE with which any sampler that begins at `sigma` begins at `start`, whatever latent it is given."""

    seed = 0

    def __init__(self, start: Tensor, sigma: float, model: Any) -> None:
        """`start` (B, C, h, w) is in the space that the MODEL samples in."""
        self.start, self.sigma = start, sigma
        self.sampling, self.format = model.get_model_object("model_sampling"), latent_format_of(model)

    def generate_noise(self, input_latent: dict[str, Any]) -> Tensor:
        given = input_latent["samples"].to(self.start)
        latent = flat(given)
        if torch.count_nonzero(latent) > 0:
            # What samplers do to every latent but an empty one.
            latent = self.format.process_in(latent)
        nothing = torch.zeros_like(self.start)
        kept = self._mixed(nothing, latent.expand_as(self.start))
        return shaped_like((self.start - kept) / self._mixed(torch.ones_like(self.start), nothing), given)

    def begun_with(self) -> Tensor:
        """The samples of a LATENT with which a sampler begins at `start` when it lays no noise on it.

        A flow model's samplers keep a share of it, and at full noise nothing; no latent will do there, and it is
        `start` as it is.
        """
        whole = self.sampling.inverse_noise_scaling(torch.tensor(self.sigma), self.start)
        return self.format.process_out(whole if torch.isfinite(whole).all() else self.start)

    def _mixed(self, noise: Tensor, latent: Tensor) -> Tensor:
        """Noise on a latent as a sampler lays it: linear in both."""
        top = float(self.sampling.sigma_max)
        most = self.sigma > top or abs(self.sigma - top) <= 1e-5 * top
        return self.sampling.noise_scaling(torch.tensor(self.sigma), noise, latent, most)
