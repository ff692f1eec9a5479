"""The bundled generator as ComfyUI's MODEL and VAE: stock loaders refuse a Flux this small."""

from __future__ import annotations

import dataclasses
from typing import Any

import comfy.latent_formats
import comfy.ldm.flux.model
import comfy.model_management
import comfy.model_patcher
import comfy.sd
import comfy.supported_models
import comfy.taesd.taesd
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ...core.engines.bundled import FLOW, load_autoencoder, weights
from ...core.engines.flux import FluxShape
from ...core.engines.small_autoencoder import CHANNELS, SmallAutoencoder
from ...core.errors import ModelError


class DemoLatents(comfy.latent_formats.LatentFormat):
    """Unit variance already; nothing to scale."""

    latent_channels = CHANNELS
    scale_factor = 1.0


class DemoFlux(comfy.supported_models.Flux):
    """Flux with the bundled model's sizes; a shift of 0 is the even schedule that it was trained for."""

    latent_format = DemoLatents
    sampling_settings = {"shift": 0.0}  # noqa: RUF012
    supported_inference_dtypes = [torch.float32]  # noqa: RUF012


def demo_model() -> comfy.model_patcher.ModelPatcher:
    """The flow model, as the stock samplers, guiders and LoRA loaders take it."""
    known = {field.name for field in dataclasses.fields(comfy.ldm.flux.model.FluxParams)}
    sizes = {"image_model": "flux", **FluxShape().for_comfyui()}
    if "txt_ids_dims" in known:
        sizes["txt_ids_dims"] = []
    config = DemoFlux(sizes)
    config.set_inference_dtype(torch.float32, None)
    model = config.get_model({}, "")
    state = {name: value.float() for name, value in load_file(weights(FLOW)).items()}
    fill(model.diffusion_model, config.process_unet_state_dict(state))
    model.eval().requires_grad_(False)
    devices = comfy.model_management.get_torch_device(), comfy.model_management.unet_offload_device()
    return comfy.model_patcher.ModelPatcher(model, *devices)


def fill(network: nn.Module, state: dict[str, Tensor]) -> None:
    """All weights or none; what FLUX.1's files call otherwise than its own class, ComfyUI has renamed before."""
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise ModelError(
            "The demo model does not fit the Flux of this version of ComfyUI. Update FaceVeil, or use another model."
        ) from error


class _FirstStage(nn.Module):
    """The bundled autoencoder on ComfyUI's scale of -1 to 1."""

    def __init__(self, autoencoder: SmallAutoencoder) -> None:
        super().__init__()
        self.autoencoder = autoencoder

    def encode(self, picture: Tensor, **_: Any) -> Tensor:
        return self.autoencoder.encode(picture * 0.5 + 0.5)

    def decode(self, latent: Tensor, **_: Any) -> Tensor:
        return self.autoencoder.decode(latent) * 2 - 1


def demo_vae() -> comfy.sd.VAE:
    """A VAE of the kind that the stock nodes know, with the bundled autoencoder inside."""
    stand_in = comfy.taesd.taesd.TAESD(latent_channels=CHANNELS)
    vae = comfy.sd.VAE(sd=stand_in.state_dict(), dtype=torch.float32)
    vae.first_stage_model = _FirstStage(load_autoencoder()).eval()
    devices = comfy.model_management.vae_device(), comfy.model_management.vae_offload_device()
    vae.patcher = comfy.model_patcher.ModelPatcher(vae.first_stage_model, *devices)
    return vae
