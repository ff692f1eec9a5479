"""Any SAMPLER with protection in its last steps."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import comfy.model_management
import torch
from torch import Tensor

from ...core.errors import InputError, NoFaceError
from ...core.optimise import Step
from ...core.protection.guard import Guard, GuardRecipe
from ...core.recognisers.recogniser import Recogniser
from ...core.trajectory.solvers import Moment
from .economy import Economy, with_less_memory
from .host import on_device
from .vae import ModelVae, latent_format_of, ordinary

log = logging.getLogger("faceveil")


@dataclass
class GuardedRun:
    """A sampler function: the inner sampler up to the first guarded step, then step by step beside an unguarded twin.

    Each of the last steps is a run of the inner sampler of its own, so that samplers with a memory
    forget it there. Twins are run with the same seed, so that they differ by the protection alone.
    """

    sampler: Any
    vae: Any
    recognisers: Sequence[Recogniser]
    recipe: GuardRecipe
    originals: Sequence[Tensor]
    on_iteration: Callable[[Step], None]
    tiny: bool = False
    """Whether the search looks at what the tiny decoder makes of a latent."""

    def __call__(
        self,
        model: Any,
        x: Tensor,
        sigmas: Tensor,
        extra_args: dict | None = None,
        callback: Any = None,
        disable: bool | None = None,
        **_: Any,
    ) -> Tensor:
        guider = model.inner_model
        beside = [guider.model_patcher, *(p for p in guider.loaded_models or [] if hasattr(p, "model"))]
        autoencoder = ModelVae(self.vae, latent_format_of(guider.model_patcher), beside, tiny=self.tiny)
        with on_device(self.recognisers, str(x.device), [*beside, self.vae.patcher]):
            return self._steps(model, x, sigmas, extra_args or {}, callback, autoencoder)

    def _steps(
        self, model: Any, x: Tensor, sigmas: Tensor, extra: dict[str, Any], callback: Any, autoencoder: ModelVae
    ) -> Tensor:
        steps = len(sigmas) - 1
        first = self.recipe.first(steps)
        seen: dict[str, Tensor] = {}

        def run(x: Tensor, low: int, high: int, report: bool) -> Tensor:
            def heard(state: dict[str, Any]) -> None:
                seen["denoised"] = state["denoised"]
                if callback is not None and report:
                    callback({**state, "i": state["i"] + low})

            args = {**extra, "seed": (extra.get("seed") or 0) + low}
            return self.sampler.sampler_function(
                model,
                x,
                sigmas[low : high + 1],
                extra_args=args,
                callback=heard,
                disable=True,
                **self.sampler.extra_options,
            )

        clean = run(x, 0, first, True)
        known = seen["denoised"]
        guards = [self._guard(autoencoder, index, x.device) for index in range(len(x))]
        protected, other = clean, known
        for step in range(first, steps + 1):
            if step > first:
                clean = run(clean, step - 1, step, True)
                known = seen["denoised"]
                protected = run(protected, step - 1, step, False)
                other = seen["denoised"]
            pairs, ends = list(zip(clean, protected, strict=True)), list(zip(known, other, strict=True))

            def guarded(economy: Economy, step: int = step, pairs: Any = pairs, ends: Any = ends) -> Tensor:
                autoencoder.vae.economy = economy
                return self._step(guards, pairs, ends, float(sigmas[step]), step, steps)

            protected = with_less_memory(guarded, comfy.model_management.soft_empty_cache)
        return protected

    def _guard(self, autoencoder: ModelVae, index: int, device: torch.device) -> Guard:
        original = self.originals[min(index, len(self.originals) - 1)] if self.originals else None
        return Guard(
            autoencoder.decode,
            self.recognisers,
            recipe=self.recipe,
            original=None if original is None else original.to(device),
            on_iteration=self.on_iteration,
        )

    def _step(
        self,
        guards: Sequence[Guard],
        pairs: Sequence[tuple[Tensor, Tensor]],
        ends: Sequence[tuple[Tensor, Tensor]],
        sigma: float,
        step: int,
        of: int,
    ) -> Tensor:
        rows = []
        for index, guard in enumerate(guards):
            pair, end = ordinary(torch.stack(pairs[index])), ordinary(torch.stack(ends[index]))
            velocity = (pair - end) / max(sigma, 1e-6) if sigma else torch.zeros_like(pair)
            try:
                changed = guard(Moment(step - 1, of, sigma, pair, velocity))
            except NoFaceError:
                log.warning("FaceVeil: no face in picture %d of the batch; it is generated unprotected.", index + 1)
                changed = None
            rows.append(pair[-1:] if changed is None else changed[-1:])
        return torch.cat(rows)


def guarded_sampler(run: GuardedRun) -> Any:
    """The run as a SAMPLER."""
    import comfy.samplers

    if not hasattr(run.sampler, "sampler_function"):
        raise InputError("This sampler cannot be run step by step. Use one of KSamplerSelect's, such as euler.")
    return comfy.samplers.KSAMPLER(run)
