"""A ComfyUI VAE as the core's Autoencoder, with gradients."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from ...core.errors import InputError
from .autograd import make_differentiable
from .checkpointing import checkpointed
from .economy import PLAIN, Economy
from .frames import flat
from .tiles import decode_in_tiles

GRADIENT_SHARE = 3
"""What decoding with a gradient takes, in units of ComfyUI's estimate for decoding."""


class VaeAutoencoder:
    """Pictures (B, 3, H, W) in [0, 1] to latents of unit spread and back.

    A VAE says nothing of its latents' scale (SD's spread is about 5), but how far a latent is moved
    in one step must mean the same for all of them: latents are divided by the spread of the pictures
    last encoded. `vae.decode` is not used: it clamps, and has no gradient where it does.
    """

    def __init__(self, vae: Any, beside: Sequence[Any] = (), economy: Economy = PLAIN) -> None:
        """Loads the VAE; has to be called in inference mode, where ComfyUI expects its loading to happen.

        `beside` are the patchers of models that have to stay loaded.
        """
        import comfy.model_management

        self.vae, self.network, self.multiple = vae, vae.first_stage_model, refuse_unsuited(vae)
        self.name = type(self.network).__name__
        self.device, self.economy = vae.device, economy
        self.timed = getattr(vae, "latent_dim", 2) == 3
        cells = (1, 64, 64) if self.timed else (64, 64)
        needed = vae.memory_used_decode((1, 0, *cells), vae.vae_dtype) * GRADIENT_SHARE
        comfy.model_management.load_models_gpu([*beside, vae.patcher], memory_required=needed)
        make_differentiable(self.network)
        self.spread = 1.0
        self.low, self.slope = output_scale(vae.process_output)

    def encode(self, image: Tensor) -> Tensor:
        given = self.vae.process_input(image).to(self.vae.device, self.vae.vae_dtype)
        latent = flat(self.network.encode(given.unsqueeze(2) if self.timed else given)).float().to(image.device)
        self.spread = max(float(latent.std()), 1e-6)
        return latent / self.spread

    def decode(self, latent: Tensor) -> Tensor:
        given = (latent * self.spread).to(self.vae.device, self.vae.vae_dtype)
        half = getattr(self.network, "decoder", self.network)
        # Blocks of networks for videos leave notes for the next frame, and would find them when computed again.
        tiled = self.economy.tiled or (self.economy.checkpointed and self.timed)
        if tiled:
            # Each is computed again as a whole, when the blocks are no longer what `checkpointed` makes of them.
            picture = decode_in_tiles(self._decoded, given, self.multiple)
        else:
            with checkpointed(half) if self.economy.checkpointed else nullcontext():
                picture = self._decoded(given)
        return picture.float().to(latent.device) * self.slope + self.low

    def _decoded(self, latent: Tensor) -> Tensor:
        if not self.timed:
            return self.network.decode(latent)
        return self.network.decode(latent.unsqueeze(2))[:, :, 0]


def refuse_unsuited(vae: Any) -> int:
    """How many times smaller its latents are; audio and other VAEs have latents that are no pictures.

    That of a video is one where a single frame becomes one of the latent, and that one frame again: Qwen-Image's and
    Wan's.
    """
    smaller = getattr(vae, "downscale_ratio", None)
    if getattr(vae, "latent_dim", 2) == 3 and isinstance(smaller, tuple):
        frames, *sides = smaller
        larger = vae.upscale_ratio[0]
        alone = callable(frames) and callable(larger) and frames(1) == 1 and larger(1) == 1
        smaller = sides[0] if alone and sides[0] == sides[-1] else None
    elif getattr(vae, "latent_dim", 2) != 2:
        smaller = None
    if getattr(vae, "output_channels", 3) != 3 or not isinstance(smaller, int):
        raise InputError(
            "This VAE is not one for single pictures. Connect that of an SD, SDXL, SD3, Flux, Qwen-Image or Wan model."
        )
    return smaller


def output_scale(process_output: Any) -> tuple[float, float]:
    """Offset and slope of a VAE's clamping `process_output` where it does not clamp."""
    low, high = (float(process_output(torch.tensor([value]))) for value in (0.0, 0.5))
    return low, (high - low) / 0.5
