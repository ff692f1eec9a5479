"""A node for the tests alone: every sampler of ComfyUI, guarded where there is no face to guard."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import comfy.sample
import comfy.samplers
import torch


class TinySamplers:
    """Where each of them ends when the model always answers with the same latent, as the largest distance from it;
    and whether the sigmas are still what they were."""

    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "tests", "sample", (), True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"model": ("MODEL",), "vae": ("VAE",), "prompt": ("CONDITIONING",)}}

    def sample(self, model: Any, vae: Any, prompt: Any) -> dict[str, Any]:
        pack = next(name for name in sys.modules if name.endswith("ComfyUI-FaceVeil"))
        guarded = importlib.import_module(f"{pack}.nodes.adapters.guarded")

        class Faceless(guarded.GuardedRun):
            """One that lets pictures without a face pass."""

            def _end(self, won: list[bool | None], steps: int) -> None:
                pass

        recipe = importlib.import_module(f"{pack}.core.methods.guard").GuardRecipe(start=0.6)
        model = model.clone()
        latents = model.get_model_object("latent_format")
        model.set_model_unet_function_wrapper(lambda apply, given: torch.full_like(given["input"], 0.25))
        draw = torch.Generator().manual_seed(0)
        noise, found = torch.randn(1, latents.latent_channels, 2, 2, generator=draw), []
        for name in comfy.samplers.SAMPLER_NAMES:
            sigmas, kept = (torch.tensor([0.9, 0.7, 0.5, 0.3, 0.0]) for _ in range(2))
            inner = comfy.samplers.sampler_object(name)
            sampler = guarded.guarded_sampler(Faceless(inner, vae, (), recipe, (), lambda step: None))
            prompts, still = (prompt, prompt), torch.ones_like(noise)
            ended = comfy.sample.sample_custom(
                model, noise, 1.0, sampler, sigmas, *prompts, still, disable_pbar=True, seed=1
            )
            away = float((latents.process_in(ended) - 0.25).abs().max())
            found.append(f"{name} {away} {torch.equal(sigmas, kept)}")
        return {"ui": {"text": found}}


NODE_CLASS_MAPPINGS = {"TinySamplers": TinySamplers}
