"""The generator that comes with the package, so that everything runs with nothing downloaded.

It knows light, colour and texture, not faces: trained on nothing but freely licensed photo packages (training/DATA.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..errors import ModelError
from ..places import BUNDLED
from .denoiser import Conditioning, checked_steps
from .flux import Flux, FluxShape
from .small_autoencoder import SmallAutoencoder
from .words import WordEncoder

AUTOENCODER, FLOW, WORDS = (f"veil_{part}.safetensors" for part in ("autoencoder", "flow", "words"))
GUIDANCE = 4.0
"""How strongly words are taken when nobody says; 6 is as strong as it was ever shown, 0 is not at all."""


def weights(name: str) -> Path:
    path = BUNDLED / name
    if not path.is_file():
        raise ModelError(f"{name} is missing from this installation. Install the package again.")
    return path


def _fill(model: torch.nn.Module, name: str, device: torch.device | str) -> None:
    from safetensors.torch import load_file

    model.load_state_dict({key: value.float() for key, value in load_file(weights(name)).items()})
    model.to(device).eval().requires_grad_(False)


def load_autoencoder(device: torch.device | str = "cpu") -> SmallAutoencoder:
    model = SmallAutoencoder()
    _fill(model, AUTOENCODER, device)
    return model.to(memory_format=torch.channels_last)


def load_words(device: torch.device | str = "cpu") -> WordEncoder:
    model = WordEncoder()
    _fill(model, WORDS, device)
    return model


class BundledDenoiser:
    """A small Flux: rectified flow in the bundled autoencoder's latent space."""

    name = "bundled"
    flow = True
    smallest = 1e-3

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self.flux, self.words = Flux(FluxShape()), load_words(device)
        _fill(self.flux, FLOW, device)

    def denoise(self, x: Tensor, sigma: float, conditioning: Conditioning) -> Tensor:
        said = conditioning.repeated(len(x))
        t = x.new_full((len(x),), sigma)
        guidance = x.new_full((len(x),), GUIDANCE if said.guidance is None else said.guidance)
        return x - sigma * self.flux(x, t, said.context, said.pooled, guidance)

    def sigmas(self, steps: int, size: tuple[int, int]) -> list[float]:
        """Evenly spaced: at so few patches nothing is gained by lingering at much noise."""
        return torch.linspace(1, 0, checked_steps(steps) + 1).tolist()

    def describe(self, prompts: Sequence[str], guidance: float | None = None) -> Conditioning:
        with torch.no_grad():
            context, pooled = self.words.encode(list(prompts))
        return Conditioning(context, pooled, guidance)
