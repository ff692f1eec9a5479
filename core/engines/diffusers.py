"""diffusers pipelines as engines: read one from a folder, a checkpoint or the hub, and adapt it to the two protocols.

diffusers and transformers are imported when a pipeline is read, never before: most users have other engines.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from .diffusers_denoiser import PipelineDenoiser, home_of
from .diffusers_families import denoiser_of
from .diffusers_reading import read_pipeline


class DiffusersAutoencoder:
    """A pipeline's autoencoder, with the shift and scale that its denoiser was trained on."""

    def __init__(self, pipeline: Any, name: str, side: int = 1) -> None:
        """`side`: what sides of latents must be multiples of."""
        self.pipeline, self.vae, self.name = pipeline, pipeline.vae, name
        known = self.vae.config
        self.multiple = side * 2 ** (len(known.block_out_channels) - 1)
        self.channels = known.latent_channels
        shift = known.get("latents_mean") or known.get("shift_factor") or 0.0
        self._shift = torch.as_tensor(shift, dtype=torch.float64).view(-1, 1, 1)
        spread = torch.as_tensor(known.get("latents_std") or 1.0, dtype=torch.float64).view(-1, 1, 1)
        self._scale = known.scaling_factor / spread

    def encode(self, image: Tensor) -> Tensor:
        """The latent's mean: nothing is drawn."""
        made = self.vae.encode(self._moved(image * 2 - 1))
        raw = (made.latent_dist.mode() if hasattr(made, "latent_dist") else made.latents).to(image)
        return (raw - self._shift.to(raw)) * self._scale.to(raw)

    def decode(self, latent: Tensor) -> Tensor:
        if latent.shape[1] != self.channels:
            raise InputError(
                f"The autoencoder of {self.name} decodes latents of {self.channels} channels and this one has "
                f"{latent.shape[1]}: it comes from another model."
            )
        raw = latent / self._scale.to(latent) + self._shift.to(latent)
        return self.vae.decode(self._moved(raw), return_dict=False)[0].to(latent) / 2 + 0.5

    def _moved(self, x: Tensor) -> Tensor:
        return x.to(home_of(self.pipeline, self.vae), self.vae.dtype)


def adapt(
    pipeline: Any, name: str | None = None, prediction: str | None = None
) -> tuple[PipelineDenoiser, DiffusersAutoencoder]:
    """A pipeline that is already loaded. It is frozen in place; gradients still flow through it."""
    denoiser = denoiser_of(pipeline, name, prediction)
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            part.eval().requires_grad_(False)
    vae = pipeline.vae
    if vae.config.get("force_upcast") and vae.dtype == torch.float16 and not _offloaded(vae):
        # Activations of SDXL's autoencoder overflow in half precision.
        vae.to(torch.float32)
    return denoiser, DiffusersAutoencoder(pipeline, denoiser.name, denoiser.side)


def _offloaded(module: torch.nn.Module) -> bool:
    return next(module.parameters()).device.type == "meta"


def load(
    where: str | Path,
    device: torch.device | str = "cpu",
    dtype: str = "fp32",
    *,
    online: bool = False,
    config: str | Path | None = None,
    variant: str | None = None,
    prediction: str | None = None,
) -> tuple[PipelineDenoiser, DiffusersAutoencoder]:
    """Read a pipeline: a folder, a .safetensors checkpoint, or a name on the hub.

    Nothing is downloaded unless `online`. `config` is a folder (or hub name) of the same family that completes a
    checkpoint; `variant` picks files such as "fp16"; `prediction` overrides what the scheduler's settings say.
    """
    pipeline = read_pipeline(where, dtype, online=online, config=config, variant=variant)
    path = Path(where)
    denoiser, autoencoder = adapt(pipeline, path.stem if path.suffix == ".safetensors" else path.name, prediction)
    pipeline.to(device)
    return denoiser, autoencoder
