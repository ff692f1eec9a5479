"""The tiny decoder of a VAE's latent space, for searching: a VAE alone does not say which space that is."""

from __future__ import annotations

import logging
from typing import Any

import comfy.latent_formats
import comfy.taesd.taesd
import torch
from torch import Tensor

from ...core.errors import ModelError
from ...core.faces.crops import resize
from .autoencoder import VaeAutoencoder
from .vae import tiny_decoder, tiny_name

log = logging.getLogger("faceveil")

_SIDE = 256
_AWAY = 0.5
"""Of the picture's own spread: what a tiny decoder of another space makes of a latent is another picture."""


class QuickDecoder:
    """Decodes what a `VaeAutoencoder` has encoded with the tiny decoder of the same space."""

    def __init__(self, full: VaeAutoencoder, latent_format: comfy.latent_formats.LatentFormat) -> None:
        self.full, self.format = full, latent_format
        self.tiny = tiny_decoder(latent_format, full.device)
        self.name, self.multiple = self.tiny.name, full.multiple

    def encode(self, image: Tensor) -> Tensor:
        return self.full.encode(image)

    def decode(self, latent: Tensor) -> Tensor:
        sampled = self.format.process_in(latent * self.full.spread)
        return self.tiny.decode(sampled.to(self.full.device)).to(latent.device)


def quick_decoder(full: VaeAutoencoder, picture: Tensor) -> QuickDecoder | None:
    """The one in `models/vae_approx` that makes of `picture` (1, 3, H, W) what the VAE makes of it, if there is any.

    Which space a VAE's latents lie in cannot be asked, but seen: SD's and SDXL's have as many channels, and the
    decoder of the one shows nothing of the other's pictures.
    """
    if isinstance(full.network, comfy.taesd.taesd.TAESD):
        return None
    found: list[tuple[float, QuickDecoder]] = []
    with torch.no_grad():
        latent = full.encode(resize(picture, _SIDE, _SIDE))
        wanted = full.decode(latent)
        for latent_format in spaces(full.vae.latent_channels):
            try:
                quick = QuickDecoder(full, latent_format)
            except ModelError as error:
                log.debug("FaceVeil: %s", error)
                continue
            away = (quick.decode(latent) - wanted).square().mean().sqrt() / wanted.std().clamp_min(1e-6)
            found.append((float(away), quick))
    least, nearest = min(found, key=lambda each: each[0], default=(_AWAY, None))
    return nearest if least < _AWAY else None


def spaces(channels: int) -> list[comfy.latent_formats.LatentFormat]:
    """All latent spaces of pictures with so many channels that a tiny decoder is known for."""
    kinds: list[Any] = [each for each in vars(comfy.latent_formats).values() if isinstance(each, type)]
    known = [kind() for kind in kinds if kind.latent_channels == channels and kind.latent_dimensions == 2]
    return [each for each in known if tiny_name(each)]
