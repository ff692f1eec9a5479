"""How each family of diffusers' models is asked: SD 1, 2, XL, 3 and FLUX.1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError, ModelError
from .denoiser import Conditioning, checked_steps
from .diffusers_denoiser import PipelineDenoiser, home_of
from .diffusers_levels import TrainedLevels, flow_sigmas
from .flux import pack, unpack

PREDICTIONS = ("epsilon", "v_prediction", "sample")
"""What a UNet may answer with: the noise, a mix of noise and picture, or the picture."""


class StableDiffusion(PipelineDenoiser):
    """SD 1 and 2: a UNet that predicts the noise, or a mix of noise and picture ("v")."""

    flow = False
    part = "unet"
    pooled = False
    default_guidance = 7.5
    side = 1

    def __init__(self, pipeline: Any, name: str, prediction: str | None = None) -> None:
        super().__init__(pipeline, name)
        self.prediction = prediction or pipeline.scheduler.config.get("prediction_type", "epsilon")
        if self.prediction not in PREDICTIONS:
            raise ModelError(
                f"{name} predicts '{self.prediction}', which is not known here; known are: {', '.join(PREDICTIONS)}."
            )
        if self.model.config.get("time_cond_proj_dim") is not None:
            raise ModelError(
                f"{name} is a latent consistency model, which has no trajectory to follow. Load the model it came from."
            )
        self.levels = TrainedLevels(pipeline.scheduler, name)
        self.smallest = self.levels.sigma(0)

    def sigmas(self, steps: int, size: tuple[int, int]) -> list[float]:
        return self.levels.sigmas(checked_steps(steps))

    def _clean(self, x: Tensor, sigma: float, conditioning: Conditioning, guidance: float) -> Tensor:
        power = sigma**2 + 1
        answer = self._ask(x / power**0.5, sigma, conditioning, guidance)
        if self.prediction == "epsilon":
            return x - sigma * answer
        if self.prediction == "v_prediction":
            return x / power - answer * (sigma / power**0.5)
        return answer

    def _ask(self, x: Tensor, sigma: float, conditioning: Conditioning, guidance: float) -> Tensor:
        return self._call(x, self.levels.timestep(sigma), conditioning)


class StableDiffusionXl(StableDiffusion):
    """SDXL: also told the prompt's pooled vector and the picture's size."""

    encoders = ("text_encoder_2",)
    pooled = True
    default_guidance = 5.0

    def __init__(self, pipeline: Any, name: str, prediction: str | None = None) -> None:
        super().__init__(pipeline, name, prediction)
        if pipeline.config.get("requires_aesthetics_score"):
            raise ModelError(f"{name} is a refiner, which only finishes pictures. Load the base model.")

    def _ask(self, x: Tensor, sigma: float, conditioning: Conditioning, guidance: float) -> Tensor:
        height, width = (side * self.pipeline.vae_scale_factor for side in x.shape[-2:])
        # Size of the original, where it was cropped, and the size wanted.
        time_ids = torch.tensor(
            [height, width, 0, 0, height, width], dtype=torch.float32, device=conditioning.context.device
        )
        time_ids = time_ids.expand(len(x), -1)
        more = {"text_embeds": conditioning.pooled, "time_ids": time_ids}
        return self._call(x, self.levels.timestep(sigma), conditioning, added_cond_kwargs=more)


class StableDiffusion3(PipelineDenoiser):
    """SD 3 and 3.5: rectified flow with classifier-free guidance."""

    encoders = ("text_encoder", "text_encoder_2")
    default_guidance = 7.0

    def __init__(self, pipeline: Any, name: str) -> None:
        super().__init__(pipeline, name)
        self.side = self.model.config.patch_size

    def _ask(self, x: Tensor, sigma: float, conditioning: Conditioning, guidance: float) -> Tensor:
        return self._call(x, 1000 * sigma, conditioning, pooled_projections=conditioning.pooled)

    def _more_prompts(self) -> tuple[str, ...]:
        return ("prompt_2", "prompt_3")


class Flux1(PipelineDenoiser):
    """FLUX.1: latents in patches of 2x2; dev takes guidance as a number, schnell none."""

    encoders = ("text_encoder", "text_encoder_2")

    def __init__(self, pipeline: Any, name: str) -> None:
        super().__init__(pipeline, name)
        self.own_guidance = bool(self.model.config.guidance_embeds)
        self.default_guidance = 3.5 if self.own_guidance else 1.0

    def describe(
        self, prompts: Sequence[str], guidance: float | None = None, negative: str | None = None
    ) -> Conditioning:
        if guidance not in (None, 1) and not self.own_guidance:
            raise InputError(
                f"{self.name} was made without guidance, so {guidance:g} of it cannot be had: leave it out."
            )
        return super().describe(prompts, guidance, negative)

    def sigmas(self, steps: int, size: tuple[int, int]) -> list[float]:
        tokens = (size[0] // 2) * (size[1] // 2)
        return flow_sigmas(self.pipeline.scheduler, checked_steps(steps), tokens, from_one=True)

    def _channels(self) -> int:
        return self.model.config.in_channels // 4

    def _takes_negatives(self) -> bool:
        return False

    def _ask(self, x: Tensor, sigma: float, conditioning: Conditioning, guidance: float) -> Tensor:
        height, width = x.shape[-2:]
        home = conditioning.context.device
        places = torch.cartesian_prod(*(torch.arange(n, device=home) for n in (1, height // 2, width // 2))).float()
        taken = torch.full((len(x),), guidance, dtype=torch.float32, device=home) if self.own_guidance else None
        answer = self._call(
            pack(x),
            sigma,
            conditioning,
            pooled_projections=conditioning.pooled,
            guidance=taken,
            img_ids=places,
            txt_ids=torch.zeros(conditioning.context.shape[1], 3, device=home),
        )
        return unpack(answer, height // 2, width // 2)

    def _encode(
        self, prompts: list[str], negatives: list[str] | None, guided: bool
    ) -> tuple[Conditioning, Conditioning | None]:
        if negatives:
            raise InputError(f"{self.name} takes no negative prompt: its guidance was trained into it.")
        home = home_of(self.pipeline, self.pipeline.text_encoder)
        embeddings, pooled, _ = self.pipeline.encode_prompt(prompt=prompts, prompt_2=None, device=home)
        return Conditioning(embeddings, pooled), None

    def _check(self, x: Tensor, conditioning: Conditioning) -> None:
        super()._check(x, conditioning)
        if conditioning.negative is not None and self.own_guidance:
            raise InputError(f"{self.name} takes no negative conditioning: its guidance was trained into it.")


FAMILIES: dict[str, type[PipelineDenoiser]] = {
    "UNet2DConditionModel": StableDiffusion,
    "SD3Transformer2DModel": StableDiffusion3,
    "FluxTransformer2DModel": Flux1,
}


def denoiser_of(pipeline: Any, name: str | None = None, prediction: str | None = None) -> PipelineDenoiser:
    """The adapter for a pipeline's family. `prediction` overrides what the scheduler says of a UNet."""
    name = name or type(pipeline).__name__
    model: Any = getattr(pipeline, "transformer", None)
    model = getattr(pipeline, "unet", None) if model is None else model
    kind = type(getattr(model, "_orig_mod", model)).__name__
    family = FAMILIES.get(kind)
    if family is None:
        raise ModelError(
            f"{name} ({type(pipeline).__name__}) is of no family that is known here: "
            "Stable Diffusion 1, 2, XL, 3 or FLUX.1."
        )
    if not issubclass(family, StableDiffusion):
        if prediction is not None:
            raise InputError(f"{name} is a flow model, which predicts one thing alone: leave out the prediction.")
        return family(pipeline, name)
    is_xl = model.config.get("addition_embed_type") == "text_time"
    return (StableDiffusionXl if is_xl else StableDiffusion)(pipeline, name, prediction)
