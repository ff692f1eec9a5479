"""Nodes for the tests alone: small random models of ComfyUI's real classes, and their gradients measured inside it."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import comfy.ldm.models.autoencoder
import comfy.ldm.wan.vae
import comfy.model_management
import comfy.model_patcher
import comfy.sd
import comfy.supported_models
import comfy.taesd.taesd
import torch

from . import decoding, stepping, watching
from .families import FLUX2_VAE, HERE


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
    return network


PRECISIONS = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def model(kind: str, storage: str) -> comfy.model_patcher.ModelPatcher:
    family = HERE[kind]
    config = getattr(comfy.supported_models, family.config)(dict(family.sizes))
    if storage == "fp8":
        config.set_inference_dtype(torch.float8_e4m3fn, torch.float32)
    else:
        config.set_inference_dtype(PRECISIONS[storage], None)
    made = config.get_model({}, "")
    spread(made.diffusion_model, 0.7)
    made.eval().requires_grad_(False)
    management = comfy.model_management
    return comfy.model_patcher.ModelPatcher(made, management.get_torch_device(), management.unet_offload_device())


def vae(kind: str, storage: str) -> comfy.sd.VAE:
    """In inference mode, as all that ComfyUI loads."""
    dtype, space = PRECISIONS.get(storage, torch.float32), HERE[kind].vae
    if space == "video":
        network = spread(comfy.ldm.wan.vae.WanVAE(8, 16, temperal_downsample=[False, True, True]), 1.0)
        # Latents of the spread that this space's models are told to expect.
        network.conv1.weight.data *= 6
        network.conv2.weight.data /= 6
        return comfy.sd.VAE(sd=network.state_dict(), dtype=dtype)
    channels = 4 if space == "4" else 16
    made = comfy.sd.VAE(sd=spread(comfy.taesd.taesd.TAESD(latent_channels=channels), 1.4).state_dict(), dtype=dtype)
    if space == "flux2":
        # Its loader knows one size of encoder alone, and that one is too large for a test.
        network = comfy.ldm.models.autoencoder.AutoencoderKL(ddconfig=FLUX2_VAE, embed_dim=32)
        made.first_stage_model = spread(network, 1.0).eval().to(dtype)
        made.latent_channels, made.downscale_ratio, made.upscale_ratio = 128, 16, 16
        devices = comfy.model_management.vae_device(), comfy.model_management.vae_offload_device()
        made.patcher = comfy.model_patcher.ModelPatcher(made.first_stage_model, *devices)
    return made


class TinyModel:
    CATEGORY, FUNCTION, RETURN_TYPES = "tests", "make", ("MODEL", "VAE")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"family": (list(HERE),), "storage": ([*PRECISIONS, "fp8"],)}}

    def make(self, family: str, storage: str) -> tuple[Any, Any]:
        return model(family, storage), vae(family, storage)


class TinyPrompt:
    CATEGORY, FUNCTION, RETURN_TYPES = "tests", "make", ("CONDITIONING",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"family": (list(HERE),), "seed": ("INT", {"default": 0})}}

    def make(self, family: str, seed: int) -> tuple[Any]:
        generator, kind = torch.Generator().manual_seed(seed), HERE[family]
        text = torch.randn(1, kind.tokens, 32, generator=generator)
        said = {"pooled_output": torch.randn(1, kind.pooled, generator=generator), "guidance": 3.5}
        said |= {name: torch.randn(shape, generator=generator) for name, shape in kind.text.items()}
        if kind.masked:
            said["attention_mask"] = torch.ones(1, kind.tokens, dtype=torch.long)
        return ([[text, said]],)


class TinyGradient:
    """How far a gradient through the model is from finite differences, as a share; by way of saving memory."""

    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "tests", "measure", (), True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"model": ("MODEL",), "prompt": ("CONDITIONING",)}}

    def measure(self, model: Any, prompt: Any) -> dict[str, Any]:
        pack = next(name for name in sys.modules if name.endswith("ComfyUI-FaceVeil"))
        sampling = importlib.import_module(f"{pack}.nodes.adapters.sampling")
        economy = importlib.import_module(f"{pack}.nodes.adapters.economy")
        conditioning = importlib.import_module(f"{pack}.core.engines.denoiser")
        channels, found = model.get_model_object("latent_format").latent_channels, []

        def work(denoiser: Any) -> None:
            for way in economy.LADDER[:2]:
                with denoiser.gradients(way):
                    draw = torch.Generator().manual_seed(1)
                    x, weights = (torch.randn(1, channels, 16, 16, generator=draw) for _ in range(2))
                    places = [x, denoiser.text().context]

                    def value(x: torch.Tensor, text: torch.Tensor, weights: torch.Tensor = weights) -> torch.Tensor:
                        return (denoiser.denoise(x, 0.7, conditioning.Conditioning(text)) * weights).sum()

                    leaves = [place.clone().requires_grad_() for place in places]
                    for which, slope in enumerate(torch.autograd.grad(value(*leaves), leaves)):
                        # Along the gradient itself differences are largest, and rounding counts least.
                        along = slope / slope.square().mean().sqrt()
                        up, down = (
                            [place + (step * along if at == which else 0) for at, place in enumerate(places)]
                            for step in (1e-2, -1e-2)
                        )
                        with torch.no_grad():
                            near = (value(*up) - value(*down)) / 2e-2
                        found.append(float(((slope * along).sum() - near).abs() / near.abs()))

        sampling.run_inside(model, {"source": prompt}, 1.0, [0.7, 0.0], (1, channels, 16, 16), work)
        return {"ui": {"text": [str(each) for each in found]}}


NODE_CLASS_MAPPINGS = {
    "TinyModel": TinyModel,
    "TinyPrompt": TinyPrompt,
    "TinyGradient": TinyGradient,
    **decoding.NODE_CLASS_MAPPINGS,
    **stepping.NODE_CLASS_MAPPINGS,
    **watching.NODE_CLASS_MAPPINGS,
}
