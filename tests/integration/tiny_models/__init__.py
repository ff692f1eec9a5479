"""Nodes for the tests alone: small random models of ComfyUI's real classes, and their gradients measured inside it."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import torch

from . import crowd, decoding, leaning, precision, refusing, shortening, stepping, watching
from .building import PRECISIONS, model, vae
from .families import HERE


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
        options = {"pooled_output": torch.randn(1, kind.pooled, generator=generator), "guidance": 3.5}
        options |= {name: torch.randn(shape, generator=generator) for name, shape in kind.text.items()}
        if kind.masked:
            options["attention_mask"] = torch.ones(1, kind.tokens, dtype=torch.long)
        return ([[text, options]],)


class TinyGradient:
    """How far a gradient through the model is from finite differences, as a share; by way of saving memory."""

    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "tests", "measure", (), True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"model": ("MODEL",), "prompt": ("CONDITIONING",)}}

    def measure(self, model: Any, prompt: Any) -> dict[str, Any]:
        pack = next(name for name in sys.modules if name.endswith("ComfyUI-FaceVeil"))
        sampling = importlib.import_module(f"{pack}.nodes.adapters.sampling")
        memory = importlib.import_module(f"{pack}.nodes.adapters.memory")
        conditioning = importlib.import_module(f"{pack}.core.engines.denoiser")
        channels, found = model.get_model_object("latent_format").latent_channels, []

        def work(denoiser: Any) -> None:
            for way in memory.LADDER[:2]:
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
                            for step in (5e-3, -5e-3)
                        )
                        with torch.no_grad():
                            near = (value(*up) - value(*down)) / 1e-2
                        found.append(float(((slope * along).sum() - near).abs() / near.abs()))

        sampling.run_inside(model, {"source": prompt}, 1.0, [0.7, 0.0], (1, channels, 16, 16), work)
        return {"ui": {"text": [str(each) for each in found]}}


NODE_CLASS_MAPPINGS = {
    "TinyModel": TinyModel,
    "TinyPrompt": TinyPrompt,
    "TinyGradient": TinyGradient,
    **crowd.NODE_CLASS_MAPPINGS,
    **decoding.NODE_CLASS_MAPPINGS,
    **leaning.NODE_CLASS_MAPPINGS,
    **precision.NODE_CLASS_MAPPINGS,
    **refusing.NODE_CLASS_MAPPINGS,
    **shortening.NODE_CLASS_MAPPINGS,
    **stepping.NODE_CLASS_MAPPINGS,
    **watching.NODE_CLASS_MAPPINGS,
}
