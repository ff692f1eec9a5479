"""Random models and VAEs as ComfyUI's loaders would hand them on."""

from __future__ import annotations

from unittest import mock

import comfy.ldm.chroma.model
import comfy.ldm.models.autoencoder
import comfy.ldm.wan.vae
import comfy.model_management
import comfy.model_patcher
import comfy.sd
import comfy.supported_models
import comfy.taesd.taesd
import torch

from .families import FLUX2_VAE, HERE, Family


def spread(network: torch.nn.Module, gain: float) -> torch.nn.Module:
    """The same random weights each time."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if weight.ndim > 1 and not name.endswith("gamma"):
                drawn = torch.randn(weight.shape, generator=generator) * gain / weight[0].numel() ** 0.5
                weight.copy_(drawn.to(weight.dtype))
            else:
                weight.copy_(torch.zeros_like(weight) if name.endswith("bias") else torch.ones_like(weight))
        # What nobody loads is whatever lay in memory before.
        for name, place in network.named_buffers():
            if name.endswith("pos_embed"):
                place.copy_(torch.randn(place.shape, generator=generator).to(place.dtype))
    return network


def quieter(network: torch.nn.Module, last: torch.nn.Module, gain: float = 1.0, frames: bool = False) -> None:
    """Its pictures then lie between black and white; where they are clamped there is no gradient. `gain` is what the
    network does to its last layer's output."""
    shape = (1, 3, 1, 64, 64) if frames else (1, 3, 64, 64)
    noise = torch.rand(shape, generator=torch.Generator().manual_seed(4)) * 2 - 1
    with torch.no_grad():
        last.weight.data *= 0.4 / network.decode(network.encode(noise)).std()
        last.bias.data -= network.decode(network.encode(noise)).mean() / gain


def rounding(network: torch.nn.Module, kind: torch.dtype) -> torch.nn.Module:
    for weight in network.parameters():
        weight.data = weight.data.to(kind).to(weight.dtype)
    return network


WIDTH = 8
"""Of the VAE of Qwen-Image and Wan, instead of 96."""
PRECISIONS = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def sizes_of(family: Family) -> dict[str, object]:
    """A copy; of Chroma's those that this version knows, for `vec_in_dim` came after 0.3.64."""
    known = {"image_model", *comfy.ldm.chroma.model.ChromaParams.__dataclass_fields__}
    return {name: size for name, size in family.sizes.items() if family.config != "Chroma" or name in known}


def model(kind: str, storage: str, rounded: torch.dtype = torch.float32) -> comfy.model_patcher.ModelPatcher:
    """`rounded`: the precision that its weights could be written in, whatever they are stored in."""
    family = HERE[kind]
    config = getattr(comfy.supported_models, family.config)(sizes_of(family))
    if storage == "fp8":
        config.set_inference_dtype(torch.float8_e4m3fn, torch.float32)
    else:
        config.set_inference_dtype(PRECISIONS[storage], None)
    made = config.get_model({}, "")
    rounding(spread(made.diffusion_model, 0.7), rounded)
    made.eval().requires_grad_(False)
    management = comfy.model_management
    return comfy.model_patcher.ModelPatcher(made, management.get_torch_device(), management.unet_offload_device())


def vae(kind: str, storage: str, rounded: torch.dtype = torch.float32, quiet: bool = False) -> comfy.sd.VAE:
    """In inference mode, as all that ComfyUI loads; a `quiet` one clamps nothing, and shows little of a face."""
    dtype, space = PRECISIONS.get(storage, torch.float32), HERE[kind].vae
    if space == "video":
        network = spread(comfy.ldm.wan.vae.WanVAE(WIDTH, 16, temperal_downsample=[False, True, True]), 1.0)
        # Latents of the spread that this space's models are told to expect.
        network.conv1.weight.data *= 6
        network.conv2.weight.data /= 6
        if quiet:
            quieter(network, network.decoder.head[-1], frames=True)
        # The loader of 0.3.64 knows one width alone, and that one is too large for a test.
        narrow = lambda dim, **given: type(network)(WIDTH, **given)
        with mock.patch.object(comfy.ldm.wan.vae, "WanVAE", narrow):
            return comfy.sd.VAE(sd=rounding(network, rounded).state_dict(), dtype=dtype)
    channels = 4 if space == "4" else 16
    network = spread(comfy.taesd.taesd.TAESD(latent_channels=channels), 1.4)
    if quiet:
        quieter(network, network.taesd_decoder[-1], gain=2.0)
    made = comfy.sd.VAE(sd=rounding(network, rounded).state_dict(), dtype=dtype)
    if space == "flux2":
        # Its loader knows one size of encoder alone, and that one is too large for a test.
        network = comfy.ldm.models.autoencoder.AutoencoderKL(ddconfig=FLUX2_VAE, embed_dim=32)
        network = spread(network, 1.0).eval()
        if quiet:
            quieter(network, network.decoder.conv_out)
        made.first_stage_model = rounding(network, rounded).to(dtype)
        made.latent_channels, made.downscale_ratio, made.upscale_ratio = 128, 16, 16
        devices = comfy.model_management.vae_device(), comfy.model_management.vae_offload_device()
        made.patcher = comfy.model_patcher.ModelPatcher(made.first_stage_model, *devices)
    return made
