"""The generator that comes with the package, so that everything runs with nothing downloaded.

It knows light, colour and texture, not faces: trained on nothing but freely licensed photo packages (training/DATA.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..errors import InputError, ModelError
from ..model_files.places import BUNDLED
from .denoiser import Conditioning, checked_steps
from .flux import Flux, FluxShape
from .small_autoencoder import SmallAutoencoder
from .words import WordEncoder

AUTOENCODER, FLOW, WORDS = (f"veil_{part}.safetensors" for part in ("autoencoder", "flow", "words"))
GUIDANCE = 4.0
"""How strongly words are taken when nobody says; 6 is as strong as it was ever shown, 0 is not at all."""
MOST_GUIDANCE = 7.0


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
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch forgot it
    return model


def load_words(device: torch.device | str = "cpu") -> WordEncoder:
    model = WordEncoder()
    _fill(model, WORDS, device)
    return model


class FluxDenoiser:
    """A small Flux, whatever its weights: rectified flow in a latent space."""

    flow = True
    smallest = 1e-3

    def __init__(self, flux: Flux, name: str = "flux") -> None:
        self.flux, self.name = flux, name

    def denoise(self, x: Tensor, sigma: float, conditioning: Conditioning) -> Tensor:
        self._check(x, conditioning)
        conditioning = conditioning.repeated(len(x))
        t = x.new_full((len(x),), sigma)
        guidance = x.new_full((len(x),), GUIDANCE if conditioning.guidance is None else conditioning.guidance)
        return x - sigma * self.flux(x, t, conditioning.context, conditioning.pooled, guidance)

    def sigmas(self, steps: int, size: tuple[int, int]) -> list[float]:
        """Evenly spaced: at so few patches nothing is gained by lingering at much noise."""
        return torch.linspace(1, 0, checked_steps(steps) + 1).tolist()

    def describe(self, prompts: Sequence[str], guidance: float | None = None) -> Conditioning:
        raise ModelError(f"The model '{self.name}' came without words: hand over a conditioning.")

    def _check(self, x: Tensor, conditioning: Conditioning) -> None:
        shape = self.flux.shape
        channels = shape.in_channels // 4
        if x.shape[1] != channels:
            raise InputError(
                f"The model '{self.name}' works on latents of {channels} channels and this one has {x.shape[1]}: "
                "encode the picture with the autoencoder of the same model."
            )
        if x.shape[-2] % 2 or x.shape[-1] % 2:
            raise InputError(
                f"The model '{self.name}' takes latents whose sides are even, not {x.shape[-2]} x {x.shape[-1]}: "
                "work at a size that is a multiple of 16."
            )
        pooled = conditioning.pooled
        sizes = conditioning.context.shape[-1], 0 if pooled is None else pooled.shape[-1]
        if sizes != (shape.context_in_dim, shape.vec_in_dim):
            raise InputError(
                f"The model '{self.name}' needs a context of size {shape.context_in_dim} and a pooled vector of size "
                f"{shape.vec_in_dim}; this conditioning has {sizes[0]} and {sizes[1] or 'none'}. "
                "Describe the prompt with the same model."
            )


class BundledDenoiser(FluxDenoiser):
    """The one with weights and words of its own."""

    def __init__(self, device: torch.device | str = "cpu") -> None:
        super().__init__(Flux(FluxShape()), "bundled")
        self.words = load_words(device)
        _fill(self.flux, FLOW, device)

    def describe(self, prompts: Sequence[str], guidance: float | None = None) -> Conditioning:
        if guidance is not None and not 0 <= guidance <= MOST_GUIDANCE:
            raise InputError(
                f"A guidance of {guidance:g} means nothing to the bundled model: choose from 0 to {MOST_GUIDANCE:g}."
            )
        with torch.no_grad():
            context, pooled = self.words.encode(list(prompts))
        return Conditioning(context, pooled, guidance)
