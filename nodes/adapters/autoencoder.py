"""A ComfyUI VAE as the core's Autoencoder, with gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...core.errors import InputError
from .autograd import make_differentiable


class VaeAutoencoder:
    """Pictures (B, 3, H, W) in [0, 1] to latents of unit spread and back.

    A VAE says nothing of its latents' scale (SD's spread is about 5), but how far a latent is moved
    in one step must mean the same for all of them: latents are divided by the spread of the pictures
    last encoded. `vae.decode` is not used: it clamps, and has no gradient where it does.
    """

    def __init__(self, vae: Any) -> None:
        """Loads the VAE; has to be called in inference mode, where ComfyUI expects its loading to happen."""
        import comfy.model_management

        refuse_unsuited(vae)
        self.vae, self.network = vae, vae.first_stage_model
        self.name, self.multiple = type(self.network).__name__, vae.downscale_ratio
        comfy.model_management.load_models_gpu(
            [vae.patcher], memory_required=vae.memory_used_decode((1, 0, 64, 64), vae.vae_dtype) * 3
        )
        make_differentiable(self.network)
        self.spread = 1.0
        self.low, self.slope = output_scale(vae.process_output)

    def encode(self, image: Tensor) -> Tensor:
        latent = self.network.encode(self.vae.process_input(image).to(self.vae.device, self.vae.vae_dtype))
        latent = latent.float().to(image.device)
        self.spread = max(float(latent.std()), 1e-6)
        return latent / self.spread

    def decode(self, latent: Tensor) -> Tensor:
        picture = self.network.decode((latent * self.spread).to(self.vae.device, self.vae.vae_dtype))
        return picture.float().to(latent.device) * self.slope + self.low


def refuse_unsuited(vae: Any) -> None:
    """Video, audio and other VAEs have latents that are no pictures."""
    pictures = getattr(vae, "latent_dim", 2) == 2 and getattr(vae, "output_channels", 3) == 3
    if not pictures or not isinstance(getattr(vae, "downscale_ratio", None), int):
        raise InputError("This VAE is not one for single pictures. Connect that of an SD, SDXL, SD3 or Flux model.")


def output_scale(process_output: Any) -> tuple[float, float]:
    """Offset and slope of a VAE's clamping `process_output` where it does not clamp."""
    low, high = (float(process_output(torch.tensor([value]))) for value in (0.0, 0.5))
    return low, (high - low) / 0.5
