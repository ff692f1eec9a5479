"""The core's paths inside ComfyUI's sampling: any MODEL with its patches, loaded and unloaded by ComfyUI."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import comfy.model_management
import comfy.model_sampling
import comfy.samplers
import torch
from torch import Tensor

from ...core.engines.denoiser import Conditioning


class TwoPrompts(comfy.samplers.CFGGuider):
    """A guider that says of each call which of its prompts it is about."""

    now = "target"

    def prompts(self, source: Any, target: Any, negative: Any = None) -> None:
        said = {"source": source, "target": target}
        if negative is not None:
            said["negative"] = negative
        self.inner_set_conds(said)

    def predict_noise(self, x: Tensor, timestep: Tensor, model_options: dict | None = None, seed: Any = None) -> Tensor:
        options = model_options or {}
        # The way up follows one prompt alone: guidance would lead off the path that has to be retraced.
        guided = self.now == "target" and "negative" in self.conds
        negative = self.conds["negative"] if guided else self.conds[self.now]
        return comfy.samplers.sampling_function(
            self.inner_model,
            x,
            timestep,
            negative,
            self.conds[self.now],
            self.cfg if guided else 1.0,
            model_options=options,
            seed=seed,
        )


class SamplerDenoiser:
    """A Denoiser around the `model` that ComfyUI hands to a sampler function. Prompts are names: "source", "target"."""

    name = "comfyui"

    def __init__(self, model: Any, guider: TwoPrompts, sigmas: Sequence[float], extra_args: dict[str, Any]) -> None:
        sampling = guider.inner_model.model_sampling
        self.model, self.guider, self.levels, self.extra_args = model, guider, list(sigmas), extra_args
        self.flow = isinstance(sampling, comfy.model_sampling.CONST)
        self.smallest = max(float(sampling.sigma_min), 1e-4)

    def denoise(self, x: Tensor, sigma: float, conditioning: Conditioning) -> Tensor:
        comfy.model_management.throw_exception_if_processing_interrupted()
        self.guider.now = str(conditioning)
        return self.model(x, x.new_full((len(x),), sigma), **self.extra_args)

    def sigmas(self, steps: int, size: tuple[int, int]) -> list[float]:
        return self.levels

    def describe(self, prompts: Sequence[str], guidance: float | None = None) -> Any:
        return prompts[0]


def run_inside(
    model: Any,
    prompts: dict[str, Any],
    cfg: float,
    sigmas: Sequence[float],
    shape: tuple[int, ...],
    work: Callable[[SamplerDenoiser], None],
    seed: int = 0,
) -> None:
    """Call `work` where ComfyUI has the MODEL loaded and its conditioning prepared for latents of `shape`."""
    guider = TwoPrompts(model)
    guider.prompts(**prompts)
    guider.set_cfg(cfg)

    def sample(wrapped: Any, x: Tensor, levels: Tensor, extra_args: dict | None = None, **_: Any) -> Tensor:
        work(SamplerDenoiser(wrapped, guider, levels.tolist(), extra_args or {}))
        return torch.zeros_like(x)

    empty = torch.zeros(shape)
    guider.sample(
        empty, empty, comfy.samplers.KSAMPLER(sample), torch.tensor(list(sigmas)), disable_pbar=True, seed=seed
    )
