"""What diffusers' families share as denoisers: guidance, devices, precision, prompts, and what is refused."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..errors import InputError, ModelError
from .denoiser import Conditioning, checked_steps
from .diffusers_levels import flow_sigmas


def home_of(pipeline: Any, module: torch.nn.Module) -> torch.device:
    """Where a part of the pipeline computes: offloaded parts lie elsewhere in between."""
    where = next(module.parameters()).device
    return pipeline._execution_device if where.type == "meta" or hasattr(module, "_hf_hook") else where


class PipelineDenoiser(ABC):
    """What all families share. The pipeline stays the user's: LoRAs, adapters and hooks in it go on working."""

    flow = True
    smallest = 1e-3
    part: ClassVar[str] = "transformer"
    """The component that denoises."""
    encoders: ClassVar[tuple[str, ...]] = ("text_encoder",)
    """The text encoders that it cannot do without."""
    pooled: ClassVar[bool] = True
    default_guidance: float = 1.0
    """Guidance where none is given: that of the family's own pipeline."""
    side: int = 2
    """Sides of latents must be multiples of this."""
    own_guidance: bool = False
    """Whether guidance was distilled into the model, so that it takes it as a number."""

    def __init__(self, pipeline: Any, name: str) -> None:
        self.pipeline, self.name = pipeline, name
        self.channels = self._channels()
        made = getattr(getattr(pipeline, "vae", None), "config", {}).get("latent_channels", self.channels)
        if made != self.channels:
            raise ModelError(
                f"{name} takes {self.channels} channels where its autoencoder makes {made}: "
                "it is made for inpainting or control. Load the plain model of its family."
            )

    @property
    def model(self) -> Any:
        return getattr(self.pipeline, self.part)

    def denoise(self, x: Tensor, sigma: float, conditioning: Conditioning) -> Tensor:
        self._check(x, conditioning)
        conditioning = self._at_home(conditioning.repeated(len(x)))
        guidance = self.default_guidance if conditioning.guidance is None else conditioning.guidance
        if conditioning.negative is None or (guidance == 1 and not self.own_guidance):
            return self._clean(x, sigma, conditioning, guidance)
        both = _stacked(self._at_home(conditioning.negative), conditioning)
        away, towards = self._clean(torch.cat([x, x]), sigma, both, guidance).chunk(2)
        return away + guidance * (towards - away)

    def describe(
        self, prompts: Sequence[str], guidance: float | None = None, negative: str | None = None
    ) -> Conditioning:
        """Prompts as conditioning. Above a guidance of 1 it holds a negative: `negative`, or the family's usual one."""
        for encoder in self.encoders:
            if getattr(self.pipeline, encoder, None) is None:
                raise ModelError(
                    f"{self.name} has no text encoder ('{encoder}'), so it cannot read prompts. "
                    "Load the whole pipeline, or hand over a conditioning."
                )
        guidance = self.default_guidance if guidance is None else guidance
        guided = guidance > 1 and self._takes_negatives()
        with torch.no_grad():
            conditioning, away = self._encode(list(prompts), [negative] * len(prompts) if negative else None, guided)
        return replace(conditioning, guidance=guidance, negative=away if guided else None)

    def sigmas(self, steps: int, size: tuple[int, int]) -> list[float]:
        tokens = (size[0] // self.side) * (size[1] // self.side)
        return flow_sigmas(self.pipeline.scheduler, checked_steps(steps), tokens, from_one=False)

    def _takes_negatives(self) -> bool:
        return True

    def _channels(self) -> int:
        return self.model.config.in_channels

    def _clean(self, x: Tensor, sigma: float, conditioning: Conditioning, guidance: float) -> Tensor:
        """x0 of a flow model, whose answer is the velocity."""
        return x - sigma * self._ask(x, sigma, conditioning, guidance)

    @abstractmethod
    def _ask(self, x: Tensor, sigma: float, conditioning: Conditioning, guidance: float) -> Tensor:
        """The model's answer, in the dtype and on the device of x."""

    def _call(self, x: Tensor, timestep: float, conditioning: Conditioning, **more: Any) -> Tensor:
        """Call the model where and in what precision it lives; sizes, places and times stay exact."""
        home = conditioning.context.device
        answer = self.model(
            x.to(conditioning.context),
            timestep=torch.full((len(x),), timestep, dtype=torch.float32, device=home),
            encoder_hidden_states=conditioning.context,
            return_dict=False,
            **more,
        )
        return answer[0].to(x)

    def _at_home(self, conditioning: Conditioning) -> Conditioning:
        home, dtype = home_of(self.pipeline, self.model), self.model.dtype
        pooled = None if conditioning.pooled is None else conditioning.pooled.to(home, dtype)
        return replace(conditioning, context=conditioning.context.to(home, dtype), pooled=pooled)

    def _encode(
        self, prompts: list[str], negatives: list[str] | None, guided: bool
    ) -> tuple[Conditioning, Conditioning | None]:
        home = home_of(self.pipeline, getattr(self.pipeline, self.encoders[0]))
        more_prompts = dict.fromkeys(self._more_prompts())
        embeddings, away, *pooled = self.pipeline.encode_prompt(
            prompt=prompts,
            **more_prompts,
            device=home,
            num_images_per_prompt=1,
            do_classifier_free_guidance=guided,
            negative_prompt=negatives,
        )
        vectors = pooled or [None, None]
        return Conditioning(embeddings, vectors[0]), Conditioning(away, vectors[1]) if guided else None

    def _more_prompts(self) -> tuple[str, ...]:
        """Prompts for further encoders that `encode_prompt` insists on; None means the same text."""
        return ()

    def _check(self, x: Tensor, conditioning: Conditioning) -> None:
        if x.shape[1] != self.channels:
            raise InputError(
                f"{self.name} works on latents of {self.channels} channels and this one has {x.shape[1]}: "
                "encode the picture with the autoencoder of the same model."
            )
        if x.shape[-2] % self.side or x.shape[-1] % self.side:
            raise InputError(
                f"{self.name} takes latents whose sides are multiples of {self.side}, not "
                f"{x.shape[-2]} x {x.shape[-1]}: resize the picture to the autoencoder's multiple first."
            )
        if self.pooled and conditioning.pooled is None:
            raise InputError(f"{self.name} also needs the pooled vector of a prompt: describe it with the same model.")


def _stacked(first: Conditioning, second: Conditioning) -> Conditioning:
    """Two conditionings as one batch."""
    shapes = [tuple(each.context.shape) for each in (first, second)]
    if shapes[0] != shapes[1]:
        raise InputError(
            f"The negative conditioning has shape {shapes[0]} and the prompt {shapes[1]}: "
            "guidance needs both of the same kind and length."
        )
    context = torch.cat([first.context, second.context])
    if first.pooled is None and second.pooled is None:
        return Conditioning(context)
    if first.pooled is None or second.pooled is None:
        raise InputError("Of prompt and negative conditioning only one has a pooled vector: describe both alike.")
    return Conditioning(context, torch.cat([first.pooled, second.pooled]))
