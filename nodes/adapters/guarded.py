"""Any SAMPLER with protection in its last steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import comfy.model_management
import comfy.samplers
import torch
from torch import Tensor

from ...core.errors import InputError, NoFaceError
from ...core.methods.guard import Guard, GuardRecipe
from ...core.optimise import Step
from ...core.recognisers.recogniser import Recogniser
from ...core.trajectory.solvers import Moment
from .gradients import ordinary
from .host import on_device, pick_device
from .memory import Economy, with_less_memory
from .pictures import flat, shaped_like
from .vae import ModelVae, latent_format_of

NO_SINGLE_STEP = {"sample_unipc", "sample_unipc_bh2", "dpm_fast_function", "dpm_adaptive_function"}
"""ComfyUI's functions of samplers that take no step at all when there is only one: uni_pc has nothing yet to take it
with, and the other two never go below the last sigma above 0."""


@dataclass
class GuardedRun:
    """A sampler function: the inner sampler up to the first guarded step, then step by step beside an unguarded twin.

    Each of the last steps is a run of the inner sampler of its own, so that samplers with a memory
    forget it there; euler takes it in place of those that can take no single step. Twins are run with the
    same seed, so that they differ by the protection alone.
    """

    sampler: Any
    vae: Any
    recognisers: Sequence[Recogniser]
    recipe: GuardRecipe
    originals: Sequence[Tensor]
    on_iteration: Callable[[Step], None]
    tiny: bool = False
    """Whether the search looks at what the tiny decoder makes of a latent."""
    on_end: Callable[[list[bool | None]], None] = lambda won: None
    """Called with whether the guard won, for each picture; None where no face was found."""

    def __call__(
        self,
        model: Any,
        x: Tensor,
        sigmas: Tensor,
        extra_args: dict[str, Any] | None = None,
        callback: Any = None,
        disable: bool | None = None,
        **_: Any,
    ) -> Tensor:
        guider = model.inner_model
        beside = [guider.model_patcher, *(p for p in guider.loaded_models or [] if hasattr(p, "model"))]
        autoencoder = ModelVae(self.vae, latent_format_of(guider.model_patcher), beside, tiny=self.tiny)
        with on_device(self.recognisers, pick_device(), [*beside, self.vae.patcher]):
            rows = self._rows(autoencoder, x, extra_args or {})
            sampled = self._steps(model, x, sigmas, extra_args or {}, callback, autoencoder, rows)
        self._end([row.won for row in rows], len(sigmas) - 1)
        return sampled

    def _end(self, won: list[bool | None], steps: int) -> None:
        """A picture without a face among others is passed on with a warning; nobody gets one alone for a protected
        one."""
        if steps < 1:
            return
        if won and all(each is None for each in won):
            raise NoFaceError(
                "The guard found no face in what was generated, so nothing is protected. Make the face larger in the "
                "picture, sample more steps, or take the Guarded Sampler out."
            )
        self.on_end(won)

    @property
    def stepper(self) -> Any:
        """The sampler that takes single steps."""
        unable = getattr(self.sampler.sampler_function, "__name__", "") in NO_SINGLE_STEP
        return comfy.samplers.sampler_object("euler") if unable else self.sampler

    def _steps(
        self,
        model: Any,
        x: Tensor,
        sigmas: Tensor,
        extra: dict[str, Any],
        callback: Any,
        autoencoder: ModelVae,
        rows: Sequence[GuardedRow],
    ) -> Tensor:
        steps = len(sigmas) - 1
        if steps < 1:
            return x
        first = self.recipe.first(steps)
        seen: dict[str, Tensor] = {}

        def run(x: Tensor, low: int, high: int, report: bool) -> tuple[Tensor, Tensor]:
            def on_step(state: dict[str, Any]) -> None:
                seen["denoised"] = state["denoised"]
                if callback is not None and report:
                    callback({**state, "i": state["i"] + low})

            seen.clear()
            sampler = self.stepper if high - low == 1 else self.sampler
            reached = sampler.sampler_function(
                model,
                x,
                # Copies, for some samplers write into them.
                sigmas[low : high + 1].clone(),
                extra_args={**extra, "seed": (extra.get("seed") or 0) + low},
                callback=on_step,
                disable=True,
                **sampler.extra_options,
            )
            if not seen:
                raise unsteppable()
            return reached, seen["denoised"]

        clean, known = run(x, 0, first, True)
        protected, other = clean, known
        for step in range(first, steps + 1):
            if step > first:
                clean, known = run(clean, step - 1, step, True)
                protected, other = run(protected, step - 1, step, False)
            pairs, ends = torch.stack([clean, protected], 1), torch.stack([known, other], 1)
            chance = [row.chance.get_state() for row in rows]

            def guarded(
                economy: Economy,
                step: int = step,
                pairs: Tensor = pairs,
                ends: Tensor = ends,
                chance: Sequence[Tensor] = chance,
            ) -> Tensor:
                autoencoder.vae.economy = economy
                # What an attempt without enough memory has drawn is drawn again.
                for row, before in zip(rows, chance, strict=True):
                    row.chance.set_state(before)
                return self._step(rows, pairs, ends, float(sigmas[step]), step, steps)

            # Where memory ran out at one step, it would at the next.
            reached = autoencoder.vae.economy
            protected = with_less_memory(guarded, comfy.model_management.soft_empty_cache, reached)
        return protected

    def _rows(self, autoencoder: ModelVae, x: Tensor, extra: dict[str, Any]) -> list[GuardedRow]:
        mask = extra.get("denoise_mask")
        mask = flat(torch.ones_like(x) if mask is None else mask)
        return [self._row(autoencoder, index, mask[index : index + 1]) for index in range(len(x))]

    def _row(self, autoencoder: ModelVae, index: int, mask: Tensor) -> GuardedRow:
        original = self.originals[min(index, len(self.originals) - 1)] if self.originals else None
        return GuardedRow(
            autoencoder.decode,
            self.recognisers,
            self.recipe,
            None if original is None else original.to(pick_device()),
            ordinary(mask).to(pick_device()),
            self.on_iteration,
        )

    def _step(
        self, rows: Sequence[GuardedRow], pairs: Tensor, ends: Tensor, sigma: float, step: int, of: int
    ) -> Tensor:
        changed = []
        for index, row in enumerate(rows):
            pair, end = (ordinary(flat(each[index])).to(pick_device()) for each in (pairs, ends))
            velocity = (pair - end) / sigma if sigma else torch.zeros_like(pair)
            try:
                changed.append(row.guarded(Moment(step - 1, of, sigma, pair, velocity)))
            except NoFaceError:
                # A later step may show one; what has none in the end is reported then.
                changed.append(pair[-1:])
        return shaped_like(torch.cat(changed), pairs[0]).to(pairs)


class GuardedRow:
    """One picture of the batch with its guard, which changes no more of it than an inpainting mask lets change."""

    def __init__(
        self,
        decode: Callable[[Tensor], Tensor],
        recognisers: Sequence[Recogniser],
        recipe: GuardRecipe,
        original: Tensor | None,
        mask: Tensor,
        on_iteration: Callable[[Step], None],
    ) -> None:
        """`mask` (1, 1 or C, h, w) is 0 where the latent stays as it is without a guard."""
        self.decode, self.mask = decode, mask
        self.alone = torch.zeros_like(mask)
        """What the unguarded twin's step ends at."""
        self.guard = Guard(self.picture, recognisers, recipe, original, on_iteration=on_iteration)

    @property
    def won(self) -> bool | None:
        """Whether the guard left nothing to win; None when it never saw a face."""
        return None if self.guard.identity is None else self.guard.won

    @property
    def chance(self) -> torch.Generator:
        return self.guard.generator

    def picture(self, latent: Tensor) -> Tensor:
        return self.decode(torch.lerp(self.alone, latent, self.mask))

    def guarded(self, moment: Moment) -> Tensor:
        """The protected latent (1, C, h, w) after a step of twins, the unguarded first."""
        self.alone = self.guard.ends(moment.latent[:1], moment.velocity[:1], moment.sigma)
        return torch.lerp(moment.latent[:1], self.guard.protected(moment), self.mask)


def guarded_sampler(run: GuardedRun) -> Any:
    """The run as a SAMPLER."""
    if not hasattr(run.sampler, "sampler_function"):
        raise unsteppable()
    return comfy.samplers.KSAMPLER(run, inpaint_options=run.sampler.inpaint_options)


def unsteppable() -> InputError:
    return InputError("This sampler cannot be run step by step. Use one of KSamplerSelect's, such as euler.")
