"""The core's paths inside ComfyUI's sampling: any MODEL with its patches, loaded and unloaded by ComfyUI."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import comfy.model_management
import comfy.model_sampling
import comfy.patcher_extension
import comfy.samplers
import torch
from torch import Tensor

from ...core.engines.denoiser import Conditioning
from ...core.errors import ModelError
from .attention import with_plain_attention
from .autograd import differentiable
from .checkpointing import checkpointed
from .economy import PLAIN, Economy
from .frames import flat, has_time
from .host import pick_device
from .vae import ordinary

GRADIENT_SHARE = 4
"""What a backward pass keeps, in units of ComfyUI's estimate for a forward pass with two prompts: 580 to 870 MB were
measured where ComfyUI estimates 184 (a small SD UNet, latents of 48 x 48)."""


class Prompts(comfy.samplers.CFGGuider):
    """A guider that says of each call which of its prompts it is about, or what a prompt has become."""

    now: str | Conditioning = "target"

    def prompts(self, source: Any, target: Any = None, negative: Any = None) -> None:
        said = {"source": source, "target": target, "negative": negative}
        self.inner_set_conds({name: prompt for name, prompt in said.items() if prompt is not None})

    def predict_noise(self, x: Tensor, timestep: Tensor, model_options: Any = None, seed: Any = None) -> Tensor:
        # The way up follows one prompt alone: guidance would lead off the path that has to be retraced.
        guided = self.now == "target" and "negative" in self.conds
        said = self.conds[self.now] if isinstance(self.now, str) else saying(self.conds["source"], self.now)
        return comfy.samplers.sampling_function(
            self.inner_model,
            x,
            timestep,
            self.conds["negative"] if guided else said,
            said,
            self.cfg if guided else 1.0,
            model_options=model_options or {},
            seed=seed,
        )


def text_of(conds: Sequence[dict[str, Any]]) -> Tensor:
    """What a model reads of a prompt that ComfyUI has prepared for it."""
    text = conds[0].get("model_conds", {}).get("c_crossattn")
    if text is None:
        raise ModelError("This model reads no text embedding, so there is nothing to learn. Use an SD or Flux model.")
    return ordinary(text.cond).float()


def saying(conds: Sequence[dict[str, Any]], said: Conditioning) -> list[dict[str, Any]]:
    """The first of the prompts as ComfyUI has prepared them, with other text."""
    first = conds[0]
    given = first["model_conds"]["c_crossattn"]
    text = given._copy_with(said.context.to(given.cond))
    return [{**first, "model_conds": {**first["model_conds"], "c_crossattn": text}}]


class SamplerDenoiser:
    """A Denoiser around the `model` that ComfyUI hands to a sampler function.

    A conditioning is the name of a prompt, "source" or "target", or a text of its own in place of the source's.
    """

    name = "comfyui"

    def __init__(self, model: Any, guider: Prompts, sigmas: Sequence[float], extra_args: dict[str, Any]) -> None:
        sampling = guider.inner_model.model_sampling
        self.model, self.guider, self.levels, self.extra_args = model, guider, list(sigmas), extra_args
        self.timed = has_time(guider.model_patcher.get_model_object("latent_format"))
        self.flow = isinstance(sampling, comfy.model_sampling.CONST)
        self.smallest = max(float(sampling.sigma_min), 1e-4)
        self.device = pick_device()
        """Where latents are worked on: not where the model is, when that is a device which lacks operators we need."""

    def denoise(self, x: Tensor, sigma: float, conditioning: Conditioning | str) -> Tensor:
        comfy.model_management.throw_exception_if_processing_interrupted()
        self.guider.now = conditioning
        given = x.to(self.guider.model_patcher.load_device)
        given = given.unsqueeze(2) if self.timed else given
        return flat(self.model(given, given.new_full((len(given),), sigma), **self.extra_args)).to(x.device)

    def sigmas(self, steps: int, size: tuple[int, int]) -> list[float]:
        return self.levels

    def describe(self, prompts: Sequence[str], guidance: float | None = None) -> Any:
        return prompts[0]

    def text(self) -> Conditioning:
        """The source prompt as it can be learned."""
        return Conditioning(text_of(self.guider.conds["source"]).to(self.device))

    @property
    def patchers(self) -> list[Any]:
        """What ComfyUI has loaded for this run."""
        return [self.guider.model_patcher, *(p for p in self.guider.loaded_models or [] if hasattr(p, "model"))]

    @contextmanager
    def gradients(self, economy: Economy = PLAIN) -> Iterator[None]:
        """Calls inside are differentiable, through the model, its ControlNets and other additions."""
        networks = [patcher.model for patcher in self.patchers]
        with ExitStack() as stack:
            stack.enter_context(differentiable(*networks, mutations=not economy.checkpointed))
            if economy.checkpointed:
                main = self.guider.inner_model.diffusion_model
                stack.enter_context(checkpointed(main, *networks[1:]))
            before = self.guider.conds, self.extra_args
            stack.callback(self._say, *before)
            self._say(ordinary(self.guider.conds), with_plain_attention(ordinary(self.extra_args)))
            yield

    @contextmanager
    def audible(self) -> Iterator[None]:
        """Inside, attention values can be recorded and given."""
        before = self.guider.conds, self.extra_args
        self._say(self.guider.conds, with_plain_attention(self.extra_args))
        try:
            yield
        finally:
            self._say(*before)

    def _say(self, conds: dict[str, Any], extra_args: dict[str, Any]) -> None:
        self.guider.conds, self.extra_args = conds, extra_args


def run_inside(
    model: Any,
    prompts: dict[str, Any],
    cfg: float,
    sigmas: Sequence[float],
    shape: tuple[int, ...],
    work: Callable[[SamplerDenoiser], None],
    seed: int = 0,
    room: int = 1,
) -> None:
    """Call `work` where ComfyUI has the MODEL loaded and its conditioning prepared for latents of `shape`.

    `room` is how many times the memory of a forward pass is to be free.
    """
    model = with_room(model, room) if room > 1 else model
    guider = Prompts(model)
    guider.prompts(**prompts)
    guider.set_cfg(cfg)

    def sample(wrapped: Any, x: Tensor, levels: Tensor, extra_args: dict[str, Any] | None = None, **_: Any) -> Tensor:
        work(SamplerDenoiser(wrapped, guider, levels.tolist(), extra_args or {}))
        return torch.zeros_like(x)

    timed = has_time(model.get_model_object("latent_format"))
    empty = torch.zeros((*shape[:2], 1, *shape[2:]) if timed else shape)
    guider.sample(
        empty, empty, comfy.samplers.KSAMPLER(sample), torch.tensor(list(sigmas)), disable_pbar=True, seed=seed
    )


def with_room(model: Any, times: int) -> Any:
    """The MODEL, for which ComfyUI frees so many times the memory when it loads it; weights are shared."""

    def enlarged(executor: Any, patcher: Any, shape: Sequence[int], *rest: Any, **named: Any) -> Any:
        return executor(patcher, [shape[0] * times, *shape[1:]], *rest, **named)

    model = model.clone()
    model.add_wrapper_with_key(comfy.patcher_extension.WrappersMP.PREPARE_SAMPLING, "faceveil", enlarged)
    return model
