"""Nodes for the tests alone: every sampler of ComfyUI, guarded where there is no face to guard, and not guarded."""

from __future__ import annotations

import importlib
import sys
import time
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


class TinyGuardOff:
    """A stock sampler by itself and through a Guarded Sampler whose guard is off, in turn: whether they end in the same
    bits, how often each calls the model, and the processor time of each pair as a ratio."""

    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "tests", "sample", (), True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        given = {"model": ("MODEL",), "vae": ("VAE",), "prompt": ("CONDITIONING",), "latent": ("LATENT",)}
        return {"required": {**given, "sigmas": ("SIGMAS",), "pairs": ("INT", {"default": 2})}}

    def sample(self, model: Any, vae: Any, prompt: Any, latent: Any, sigmas: Any, pairs: int) -> dict[str, Any]:
        pack = next(name for name in sys.modules if name.endswith("ComfyUI-FaceVeil"))
        node = importlib.import_module(f"{pack}.nodes.guarded_sampler").GuardedSampler
        calls, ended, lines, model = [], [], [], model.clone()

        def counted(apply: Any, given: Any) -> Any:
            calls.append(apply)
            return apply(given["input"], given["timestep"], **given["c"])

        model.set_model_unet_function_wrapper(counted)
        samples = comfy.sample.fix_empty_latent_channels(model, latent["samples"])
        noise = comfy.sample.prepare_noise(samples, 1)

        def ran(off: bool) -> tuple[int, float]:
            calls.clear()
            start = time.process_time()
            sampler = comfy.samplers.sampler_object("euler")
            sampler = node.execute(sampler, vae, 0.2, 0).args[0] if off else sampler
            ended.append(
                comfy.sample.sample_custom(
                    model, noise, 1.0, sampler, sigmas, prompt, prompt, samples, disable_pbar=True, seed=1
                )
            )
            return len(calls), time.process_time() - start

        ran(False)
        for pair in range(pairs):
            # Who goes first changes, for the second finds warm caches.
            first = bool(pair % 2)
            (called, took), (called_too, took_too) = ran(first), ran(not first)
            stock, ours = (
                ((called_too, took_too), (called, took)) if first else ((called, took), (called_too, took_too))
            )
            lines.append(f"{stock[0]} {ours[0]} {ours[1] / stock[1]}")
        return {"ui": {"text": [str(all(torch.equal(each, ended[0]) for each in ended)), *lines]}}


NODE_CLASS_MAPPINGS = {"TinySamplers": TinySamplers, "TinyGuardOff": TinyGuardOff}
