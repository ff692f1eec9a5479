"""What the protection needs of an autoencoder, whichever library it lives in."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Autoencoder(Protocol):
    """Pictures (B, 3, H, W) in [0, 1] to latents and back; `decode` is differentiable and does not clamp."""

    name: str
    multiple: int
    """Sides of pictures must be multiples of this."""

    def encode(self, image: Tensor) -> Tensor: ...

    def decode(self, latent: Tensor) -> Tensor: ...
