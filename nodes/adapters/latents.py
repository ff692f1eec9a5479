"""Latents moved until recognisers no longer match what they decode to, directly or through denoising steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ...core.methods.guard import Guard, GuardRecipe
from ...core.methods.latent import protect_latents
from ...core.optimise import Step
from ...core.recognisers.recogniser import Recogniser
from ...core.search.recipe import ATTENTION
from ...core.trajectory.solvers import Moment
from ..parts.walked import Walked
from .host import gradients_allowed
from .memory import Economy
from .sampling import GRADIENT_SHARE, SamplerDenoiser, run_inside
from .vae import ModelVae, VaeAutoencoder, latent_format_of


@dataclass(frozen=True)
class Search:
    """How to look for a change, whichever way leads from the latent to the picture."""

    vae: Any
    surrogates: Sequence[Recogniser]
    recipe: GuardRecipe
    originals: Sequence[Tensor]
    """Photos whose faces must not be matched, one for all or one each; without any, the faces that latents show."""
    seed: int
    on_step: Callable[[int, Step], None]
    economy: Economy
    tiny: bool = False

    def directly(self, samples: Tensor) -> Tensor:
        """The samples of a LATENT (B, C, h, w), changed themselves."""
        autoencoder = VaeAutoencoder(self.vae, economy=self.economy)
        with gradients_allowed():
            autoencoder.spread = max(float(samples.std()), 1e-6)
            moved = []
            for index, row in enumerate(samples.split(1)):

                def show(step: Step, index: int = index) -> None:
                    self.on_step(index, step)

                guard = Guard(
                    autoencoder.decode,
                    self.surrogates,
                    self.recipe,
                    self.originals[min(index, len(self.originals) - 1)] if self.originals else None,
                    seed=self.seed,
                    on_iteration=show,
                )
                unit = row / autoencoder.spread
                moved.append(guard.protected(Moment(0, 1, 0.0, unit, torch.zeros_like(unit))) * autoencoder.spread)
            return torch.cat(moved)

    def through(self, samples: Tensor, model: Any, walked: Walked) -> Tensor:
        """The same, changed by what the MODEL's last steps make of moved latents: weakened purification."""
        short, latents, done = walked.learned(), latent_format_of(model), []
        walked.refuse_other(samples.shape, "the latent is")
        recipe = replace(self.recipe, visibility={**self.recipe.visibility, ATTENTION: 1.0})

        def work(denoiser: SamplerDenoiser) -> None:
            autoencoder = ModelVae(self.vae, latents, denoiser.patchers, self.economy, self.tiny)
            with denoiser.gradients(self.economy):
                clean = latents.process_in(samples).to(denoiser.device)
                changed = protect_latents(
                    clean,
                    denoiser,
                    autoencoder,
                    short,
                    self.surrogates,
                    recipe,
                    self.originals,
                    seed=self.seed,
                    on_step=self.on_step,
                )
                done.append(latents.process_out(changed))

        prompts = {"source": walked.prompt}
        run_inside(model, prompts, 1.0, short.sigmas, walked.shape, work, self.seed, GRADIENT_SHARE)
        return done[0]
