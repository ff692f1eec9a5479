"""A ComfyUI VAE in the latent space its model samples in, with gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .autoencoder import VaeAutoencoder


class ModelVae:
    """Pictures (B, 3, H, W) in [0, 1] to the latents a model sees, and back: what the core edits and guards with."""

    def __init__(self, vae: Any, latent_format: Any) -> None:
        self.vae, self.format = VaeAutoencoder(vae), latent_format
        self.name, self.multiple = self.vae.name, self.vae.multiple

    def encode(self, image: Tensor) -> Tensor:
        latent = self.vae.encode(image) * self.vae.spread
        return self.format.process_in(latent)

    def decode(self, latent: Tensor) -> Tensor:
        return self.vae.decode(self.format.process_out(latent) / self.vae.spread)


def latent_format_of(model: Any) -> Any:
    """The latent format of a MODEL."""
    return model.get_model_object("latent_format")


def ordinary(value: Any) -> Any:
    """Copies made outside of inference mode, of tensors and of what holds them."""
    if isinstance(value, Tensor):
        with torch.inference_mode(False):
            return value.clone()
    if isinstance(value, dict):
        return {key: ordinary(item) for key, item in value.items()}
    if isinstance(value, list):
        return [ordinary(item) for item in value]
    return value
