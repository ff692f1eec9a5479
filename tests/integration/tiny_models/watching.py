"""Nodes for the tests alone: what our nodes ask of ComfyUI, seen from inside of it."""

from __future__ import annotations

from typing import Any

import comfy.ldm.modules.attention
import comfy.model_management
import comfy.model_patcher
import comfy.sd
import torch

import nodes

requests: list[str] = []
free_memory = comfy.model_management.free_memory


def recorded(needed: float, device: torch.device, keep_loaded: Any = ()) -> Any:
    stay = [loaded.model.model.__class__.__name__ for loaded in keep_loaded]
    requests.append(f"{needed:.0f} {device} {' '.join(stay)}")
    return free_memory(needed, device, keep_loaded=list(keep_loaded))


class _EveryTime:
    """Takes a picture, and runs even where ComfyUI has seen it before."""

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"image": ("IMAGE",)}}

    @classmethod
    def IS_CHANGED(cls, image: Any) -> float:
        return float("nan")


class TinyWatch(_EveryTime):
    """From here on it is noted for how much memory ComfyUI is asked; the picture is handed on."""

    CATEGORY, FUNCTION, RETURN_TYPES = "tests", "watch", ("IMAGE",)

    def watch(self, image: Any) -> tuple[Any]:
        requests.clear()
        comfy.model_management.free_memory = recorded
        return (image,)


class TinyWatched(_EveryTime):
    """What was asked for since, and with which models staying."""

    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "tests", "tell", (), True

    def tell(self, image: Any) -> dict[str, Any]:
        comfy.model_management.free_memory = free_memory
        return {"ui": {"text": [*requests, f"at least {comfy.model_management.minimum_inference_memory():.0f}"]}}


class TinyOverride:
    """The MODEL with attention as other packs replace it: by a kernel without a gradient, or before the given one."""

    CATEGORY, FUNCTION, RETURN_TYPES = "tests", "patch", ("MODEL",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"model": ("MODEL",), "way": (["own kernel", "passes on"],)}}

    def patch(self, model: Any, way: str) -> tuple[Any]:
        def own(kernel: Any, *args: Any, **named: Any) -> torch.Tensor:
            with torch.no_grad():
                return comfy.ldm.modules.attention.attention_basic(*args, **named)

        def passed(kernel: Any, q: torch.Tensor, *args: Any, **named: Any) -> torch.Tensor:
            return kernel(q * 0, *args, **named)

        model = model.clone()
        override = own if way == "own kernel" else passed
        model.model_options["transformer_options"]["optimized_attention_override"] = override
        return (model,)


class Fuller(torch.nn.Module):
    """A VAE in the space of `taesd` whose pictures have less contrast; counts how it is asked."""

    def __init__(self, tiny: torch.nn.Module) -> None:
        super().__init__()
        self.tiny, self.decoded = tiny, {True: 0, False: 0}

    def encode(self, picture: torch.Tensor, **_: Any) -> torch.Tensor:
        return self.tiny.encode(picture)

    def decode(self, latent: torch.Tensor, **_: Any) -> torch.Tensor:
        self.decoded[latent.requires_grad] += 1
        return self.tiny.decode(latent) * 0.9


class TinyFuller:
    """What `taesd` in models/vae_approx is the tiny decoder of."""

    CATEGORY, FUNCTION, RETURN_TYPES = "tests", "make", ("VAE",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"run": ("INT", {"default": 0})}}

    def make(self, run: int) -> tuple[Any]:
        vae = comfy.sd.VAE(sd=nodes.VAELoader.load_taesd("taesd"), dtype=torch.float32)
        vae.first_stage_model = Fuller(vae.first_stage_model).eval()
        vae.patcher = comfy.model_patcher.ModelPatcher(vae.first_stage_model, vae.device, torch.device("cpu"))
        return (vae,)


class TinyDecoded:
    """How often it decoded with and without a gradient."""

    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "tests", "tell", (), True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"vae": ("VAE",), "after": ("IMAGE",)}}

    def tell(self, vae: Any, after: Any) -> dict[str, Any]:
        return {"ui": {"text": [str(vae.first_stage_model.decoded[way]) for way in (True, False)]}}


NODE_CLASS_MAPPINGS = {kind.__name__: kind for kind in (TinyWatch, TinyWatched, TinyOverride, TinyFuller, TinyDecoded)}
