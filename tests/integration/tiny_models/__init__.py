"""Nodes for the tests alone: small random models of ComfyUI's real classes, and their gradients measured inside it."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import comfy.ldm.flux.model
import comfy.ldm.wan.vae
import comfy.model_management
import comfy.model_patcher
import comfy.sd
import comfy.supported_models
import comfy.taesd.taesd
import torch

from . import decoding, stepping, watching

UNET = {
    "image_size": 32,
    "in_channels": 4,
    "out_channels": 4,
    "model_channels": 32,
    "num_res_blocks": [1, 1],
    "transformer_depth": [1, 1],
    "transformer_depth_output": [1, 1, 1, 1],
    "transformer_depth_middle": 1,
    "channel_mult": [1, 2],
    "context_dim": 32,
    "use_spatial_transformer": True,
    "legacy": False,
    "use_temporal_attention": False,
}
FLUX = {
    "image_model": "flux",
    "guidance_embed": True,
    "axes_dim": [4, 6, 6],
    "num_heads": 4,
    "mlp_ratio": 2.0,
    "theta": 10000,
    "in_channels": 16,
    "out_channels": 16,
    "qkv_bias": True,
    "hidden_size": 64,
    "context_in_dim": 32,
    "patch_size": 2,
    "vec_in_dim": 24,
    "depth": 2,
    "depth_single_blocks": 2,
}
QWEN = {
    "image_model": "qwen_image",
    "in_channels": 64,
    "out_channels": 16,
    "num_layers": 2,
    "attention_head_dim": 16,
    "num_attention_heads": 4,
    "joint_attention_dim": 32,
    "pooled_projection_dim": 24,
    "axes_dims_rope": (4, 6, 6),
}
KINDS = {
    "sd15": (comfy.supported_models.SD15, {**UNET, "use_linear_in_transformer": False, "adm_in_channels": None}),
    "sdxl": (
        comfy.supported_models.SDXL,
        {
            **UNET,
            "use_linear_in_transformer": True,
            "model_channels": 64,
            "num_classes": "sequential",
            "adm_in_channels": 2816,
        },
    ),
    "flux": (comfy.supported_models.Flux, FLUX),
    "qwen": (comfy.supported_models.QwenImage, QWEN),
}
POOLED = {"sd15": 768, "sdxl": 1280, "flux": 24, "qwen": 24}


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


def model(kind: str, storage: str) -> comfy.model_patcher.ModelPatcher:
    config_class, sizes = KINDS[kind]
    sizes = dict(sizes)
    if kind == "flux" and "txt_ids_dims" in comfy.ldm.flux.model.FluxParams.__dataclass_fields__:
        sizes["txt_ids_dims"] = []
    config = config_class(sizes)
    if storage == "fp8":
        config.set_inference_dtype(torch.float8_e4m3fn, torch.float32)
    else:
        config.set_inference_dtype(torch.float32, None)
    made = config.get_model({}, "")
    spread(made.diffusion_model, 0.7)
    made.eval().requires_grad_(False)
    management = comfy.model_management
    return comfy.model_patcher.ModelPatcher(made, management.get_torch_device(), management.unet_offload_device())


class TinyModel:
    CATEGORY, FUNCTION, RETURN_TYPES = "tests", "make", ("MODEL", "VAE")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"family": (list(KINDS),), "storage": (["fp32", "fp8"],)}}

    def make(self, family: str, storage: str) -> tuple[Any, Any]:
        if family == "qwen":
            decoder = spread(comfy.ldm.wan.vae.WanVAE(8, 16, temperal_downsample=[False, True, True]), 1.0)
            # Latents of the spread that this space's models are told to expect.
            decoder.conv1.weight.data *= 6
            decoder.conv2.weight.data /= 6
        else:
            decoder = spread(comfy.taesd.taesd.TAESD(latent_channels=16 if family == "flux" else 4), 1.4)
        # In inference mode, as all that ComfyUI loads.
        return model(family, storage), comfy.sd.VAE(sd=decoder.state_dict(), dtype=torch.float32)


class TinyPrompt:
    CATEGORY, FUNCTION, RETURN_TYPES = "tests", "make", ("CONDITIONING",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"family": (list(KINDS),), "seed": ("INT", {"default": 0})}}

    def make(self, family: str, seed: int) -> tuple[Any]:
        generator = torch.Generator().manual_seed(seed)
        text = torch.randn(1, 12, 32, generator=generator)
        pooled = torch.randn(1, POOLED[family], generator=generator)
        return ([[text, {"pooled_output": pooled, "guidance": 3.5}]],)


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
