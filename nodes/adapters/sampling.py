"""The core's paths inside ComfyUI's sampling: any MODEL with its patches, loaded and unloaded by ComfyUI.

Also what its stock samplers are handed of a path: its noisy end as NOISE, learned embeddings as a GUIDER.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import comfy.ldm.modules.attention
import comfy.model_management
import comfy.model_patcher
import comfy.model_sampling
import comfy.patcher_extension
import comfy.samplers
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ...core.engines.denoiser import Conditioning
from ...core.errors import ModelError
from ...core.trajectory.embeddings import ShortPath
from .gradients import checkpointed, differentiable, foreign, ordinary
from .host import pick_device
from .memory import PLAIN, Economy
from .pictures import flat, has_time, shaped_like
from .vae import latent_format_of

GRADIENT_SHARE = 4
"""What a backward pass keeps, in units of ComfyUI's estimate for a forward pass with two prompts: 580 to 870 MB were
measured where ComfyUI estimates 184 (a small SD UNet, latents of 48 x 48)."""


class Prompts(comfy.samplers.CFGGuider):
    """A guider that follows at each call one of its prompts, or a learned text in place of one."""

    now: str | Conditioning = "target"

    def prompts(self, source: Any, target: Any = None, negative: Any = None) -> None:
        named = {"source": source, "target": target, "negative": negative}
        self.inner_set_conds({name: prompt for name, prompt in named.items() if prompt is not None})

    def predict_noise(self, x: Tensor, timestep: Tensor, model_options: Any = None, seed: Any = None) -> Tensor:
        # The way up follows one prompt alone: guidance would lead off the path that has to be retraced.
        guided = self.now == "target" and "negative" in self.conds
        conditioning = self.conds[self.now] if isinstance(self.now, str) else with_text(self.conds["source"], self.now)
        return comfy.samplers.sampling_function(
            self.inner_model,
            x,
            timestep,
            self.conds["negative"] if guided else conditioning,
            conditioning,
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


def with_text(conds: Sequence[dict[str, Any]], conditioning: Conditioning) -> list[dict[str, Any]]:
    """The first of the prompts as ComfyUI has prepared them, with other text."""
    first = conds[0]
    given = first["model_conds"]["c_crossattn"]
    text = given._copy_with(conditioning.context.to(given.cond))
    return [{**first, "model_conds": {**first["model_conds"], "c_crossattn": text}}]


class _CallsAttention(TorchFunctionMode):
    """Whether PyTorch's attention was called inside."""

    called = False

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.called = self.called or func is F.scaled_dot_product_attention
        return func(*args, **(kwargs or {}))


def with_plain_attention(extra_args: dict[str, Any]) -> dict[str, Any]:
    """A sampler's arguments by which the model attends in PyTorch's own way.

    What another pack has put in place of attention stays when it ends there too. A kernel of its own (SageAttention) is
    left out, for it is there for speed: it may lose the gradient without a word, and recorded values would miss what it
    attends to.
    """
    options = comfy.model_patcher.create_model_options_clone(extra_args["model_options"])
    given = options["transformer_options"]
    before = given.get("optimized_attention_override")
    plain = comfy.ldm.modules.attention.attention_pytorch

    def attend(kernel: Any, *args: Any, **named: Any) -> Tensor:
        if before is not None:
            with _CallsAttention() as calls:
                out = before(plain, *args, **named)
            if calls.called:
                return out
        return plain(*args, **named)

    options["transformer_options"] = {**given, "optimized_attention_override": attend}
    return {**extra_args, "model_options": options}


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
        twice = economy.checkpointed or any(map(foreign, networks))
        with ExitStack() as stack:
            stack.enter_context(differentiable(*networks, mutations=not twice))
            if twice:
                main = self.guider.inner_model.diffusion_model
                stack.enter_context(checkpointed(main, *networks[1:]))
            before = self.guider.conds, self.extra_args
            stack.callback(self._use, *before)
            self._use(ordinary(self.guider.conds), with_plain_attention(ordinary(self.extra_args)))
            yield

    @contextmanager
    def plain_attention(self) -> Iterator[None]:
        """Inside, attention values can be recorded and given."""
        before = self.guider.conds, self.extra_args
        self._use(self.guider.conds, with_plain_attention(self.extra_args))
        try:
            yield
        finally:
            self._use(*before)

    def _use(self, conds: dict[str, Any], extra_args: dict[str, Any]) -> None:
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


class LearnedGuider(comfy.samplers.CFGGuider):
    """On the last steps of a path the embedding that was learned for the level of noise; before, the plain prompt.

    Levels are matched, not counted: samplers of second order ask twice a step.
    """

    def learned(self, short: ShortPath, plain: Any, positive: Any = None, cfg: float = 1.0) -> None:
        """With a prompt `positive`, what was learned is what guidance leads away from."""
        self.short = short
        self.inner_set_conds({"plain": plain, **({} if positive is None else {"positive": positive})})
        self.set_cfg(cfg)

    def predict_noise(self, x: Tensor, timestep: Tensor, model_options: Any = None, seed: Any = None) -> Tensor:
        sigma = float(timestep.flatten()[0])
        conditioning = self.conds["plain"]
        if sigma <= self.short.sigmas[0] * 1.0001:
            conditioning = with_text(conditioning, self.short.at(sigma))
        positive = self.conds.get("positive")
        return comfy.samplers.sampling_function(
            self.inner_model,
            x,
            timestep,
            conditioning,
            conditioning if positive is None else positive,
            1.0 if positive is None else self.cfg,
            model_options=model_options or {},
            seed=seed,
        )


class PathNoise:
    """A NOISE with which any sampler that begins at `sigma` begins at `start`, whatever latent it is given."""

    seed = 0

    def __init__(self, start: Tensor, sigma: float, model: Any) -> None:
        """`start` (B, C, h, w) is in the space that the MODEL samples in."""
        self.start, self.sigma = start, sigma
        self.sampling, self.format = model.get_model_object("model_sampling"), latent_format_of(model)

    def generate_noise(self, input_latent: dict[str, Any]) -> Tensor:
        given = input_latent["samples"].to(self.start)
        latent = flat(given)
        if torch.count_nonzero(latent) > 0:
            # What samplers do to every latent but an empty one.
            latent = self.format.process_in(latent)
        nothing = torch.zeros_like(self.start)
        kept = self._mixed(nothing, latent.expand_as(self.start))
        return shaped_like((self.start - kept) / self._mixed(torch.ones_like(self.start), nothing), given)

    def begun_with(self) -> Tensor:
        """The samples of a LATENT with which a sampler begins at `start` when it lays no noise on it.

        A flow model's samplers keep a share of it, and at full noise nothing; no latent will do there, and it is
        `start` as it is.
        """
        whole = self.sampling.inverse_noise_scaling(torch.tensor(self.sigma), self.start)
        return self.format.process_out(whole if torch.isfinite(whole).all() else self.start)

    def _mixed(self, noise: Tensor, latent: Tensor) -> Tensor:
        """Noise on a latent as a sampler lays it: linear in both."""
        top = float(self.sampling.sigma_max)
        most = self.sigma > top or abs(self.sigma - top) <= 1e-5 * top
        return self.sampling.noise_scaling(torch.tensor(self.sigma), noise, latent, most)
