"""A ComfyUI VAE in the latent space its model samples in, with gradients."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import torch
from torch import Tensor

from ...core.engines.tiny import find_tiny, load_tiny
from ...core.errors import InputError, ModelError
from .autoencoder import VaeAutoencoder
from .economy import PLAIN, Economy
from .frames import OneFrame, has_time


class ModelVae:
    """Pictures (B, 3, H, W) in [0, 1] to the latents a model sees, and back: what the core edits and guards with."""

    def __init__(
        self, vae: Any, latent_format: Any, beside: Sequence[Any] = (), economy: Economy = PLAIN, tiny: bool = False
    ) -> None:
        """`beside` are patchers that have to stay loaded; `tiny` decodes with the small decoder of the same space."""
        self.vae, self.format = VaeAutoencoder(vae, beside, economy), latent_format
        self.name, self.multiple = self.vae.name, self.vae.multiple
        self.tiny = tiny_decoder(latent_format, self.vae.device) if tiny else None

    def encode(self, image: Tensor) -> Tensor:
        latent = self.vae.encode(image) * self.vae.spread
        return self.format.process_in(latent)

    def decode(self, latent: Tensor) -> Tensor:
        if self.tiny is not None:
            return self.tiny.decode(latent.to(self.vae.device)).to(latent.device)
        return self.vae.decode(self.format.process_out(latent) / self.vae.spread)


def tiny_decoder(latent_format: Any, device: Any) -> Any:
    """The tiny autoencoder of this latent space, from ComfyUI's folder of them; it reads what models sample."""
    name = tiny_name(latent_format)
    if not name:
        raise InputError("There is no tiny decoder for this model's latents. Switch 'tiny decoder' off.")
    try:
        find_tiny(name)
    except ModelError as error:
        raise ModelError(
            f"The tiny decoder is not here: put {name}_encoder.safetensors and {name}_decoder.safetensors into "
            "models/vae_approx, or switch 'tiny decoder' off."
        ) from error
    with torch.inference_mode(False):
        return load_tiny(name).to(device)


def tiny_name(latent_format: Any) -> str:
    """Under what name the tiny autoencoder of this latent space is known; empty without one."""
    name = getattr(latent_format, "taesd_decoder_name", None) or ""
    return name.removesuffix("_decoder") if name.startswith("tae") else ""


def latent_format_of(model: Any) -> Any:
    """The latent format of a MODEL, for latents of pictures; some hold tensors, which were made in inference mode."""
    latent_format = copy(model.get_model_object("latent_format"))
    vars(latent_format).update(ordinary(vars(latent_format)))
    return OneFrame(latent_format) if has_time(latent_format) else latent_format


def ordinary(value: Any) -> Any:
    """Copies made outside of inference mode, of tensors and of what holds them."""
    if isinstance(value, Tensor):
        with torch.inference_mode(False):
            return value.clone()
    if isinstance(value, dict):
        return {key: ordinary(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(ordinary(item) for item in value)
    if isinstance(getattr(value, "cond", None), Tensor) and hasattr(value, "_copy_with"):
        return value._copy_with(ordinary(value.cond))
    return value
