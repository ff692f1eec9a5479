"""Weakening diffusion purification (Salar et al., CVPR 2025, arXiv 2503.10350): move the latents from which the last
denoising steps start, so that what they end at is not matched.

What is optimised has been through the purification that would wash it away. Windows, identity, objective and
the search are those of every protection here; only the way from the variable to the picture is longer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ..attention.guide import AttentionGuide
from ..engines.autoencoder import Autoencoder
from ..engines.counted import Counted
from ..engines.denoiser import Conditioning, Denoiser
from ..faces.face import Face
from ..optimise import Step
from ..recognisers.ensemble import Ensemble
from ..recognisers.recogniser import Recogniser
from ..search.objective import Distance, Objective
from ..search.recipe import ATTENTION, Denoising, Recipe
from ..search.search import Protected, let_through, make_variable, search
from ..search.task import Task, prepared
from ..trajectory.embeddings import ShortPath, last_levels, learn_embeddings, of_rows, step_down
from ..trajectory.paths import invert
from ..trajectory.record import Trajectory
from ..veil.latent import Difference, with_difference


@dataclass(kw_only=True)
class Purified(Protected):
    """The protected picture, and what is worth comparing."""

    path: Trajectory
    short: ShortPath
    moved: Tensor
    """The latents (B, C, h, w) at the short path's first level, moved."""


class DenoisedOffset:
    """An offset of the latents where the short path starts: `window + M * (D(walk(z + offset)) - D(walk(z)))`.

    At rest nothing changes: what the autoencoder and the steps cannot reproduce cancels.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        autoencoder: Autoencoder,
        short: ShortPath,
        learning_rate: float = 0.02,
        guide: AttentionGuide | None = None,
        checkpointed: bool = False,
        hiding: Tensor | None = None,
        finish: Autoencoder | None = None,
    ) -> None:
        """`short` as it was learned, `guide` as it listened to that; `hiding` and `finish` as for a `Difference`."""
        self.denoiser, self.short = denoiser, short
        self.learning_rate, self.guide, self.checkpointed = learning_rate, guide, checkpointed
        self._difference = partial(Difference, short.latents[-1], autoencoder, finish, hiding)
        self.offset = torch.zeros_like(short.latents[0], requires_grad=True)
        self.attention_change = torch.zeros(len(self.offset))
        """What the guide said of the windows that were rendered last."""

    @cached_property
    def difference(self) -> Difference:
        """Made when it is first needed, for it decodes the whole batch, which walking alone does not need."""
        return self._difference()

    def groups(self) -> Iterator[tuple[Tensor, float]]:
        yield self.offset, self.learning_rate

    @property
    def moved(self) -> Tensor:
        return (self.short.latents[0] + self.offset).detach()

    def walk(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Where the moved latents of these rows end, and how far attention changed on the way (A,)."""
        return self.walk_from(self.short.latents[0][rows] + self.offset[rows], rows)

    def walk_from(self, x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The same from wherever these rows' latents are."""
        change = x.new_zeros(len(x))
        for index in range(len(self.short.conditionings)):
            if self.checkpointed and torch.is_grad_enabled():
                x, added = checkpoint(self._step, index, x, rows, use_reentrant=False)
            else:
                x, added = self._step(index, x, rows)
            change = change + added
        return x, change

    def _step(self, index: int, x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        here, there = list(pairwise(self.short.sigmas))[index]
        conditioning = of_rows(self.short.at(here), rows)
        # Attention is compared where it may cost something: not when the finished picture is rendered.
        listening = self.guide.comparing(index, rows) if self.guide and torch.is_grad_enabled() else nullcontext()
        with listening as change:
            x = step_down(self.denoiser, x, here, there, conditioning)
        return x, change.total.to(x) if change else x.new_zeros(len(x))

    def apply(self, window: Tensor, mask: Tensor, rows: Tensor | None = None) -> Tensor:
        rows = torch.arange(len(self.offset)) if rows is None else rows
        ended, self.attention_change = self.walk(rows)
        return with_difference(window, self.difference(ended, rows), mask)


def protect_through_denoising(
    image: Tensor,
    faces: Sequence[Face],
    denoiser: Denoiser,
    autoencoder: Autoencoder,
    surrogates: Sequence[Recogniser],
    recipe: Recipe,
    gallery: Sequence[Tensor] = (),
    decoys: Sequence[Tensor] = (),
    allowed: Tensor | None = None,
    finish: Autoencoder | None = None,
    distances: dict[str, Distance] | None = None,
    unconditional: Conditioning | None = None,
    seed: int = 0,
    on_step: Callable[[Step, Objective | None], None] = lambda step, objective: None,
) -> Purified:
    """Protect `faces` of `image` (1, 3, H, W); pixels outside their ovals stay bit-identical.

    `finish` decodes the finished picture, where `autoencoder` is only a quick one of the same latent space.
    `unconditional` is what learning begins with; None is the empty prompt. While embeddings are learned
    `on_step` is given no objective.
    """
    how, counted = recipe.denoising or Denoising(), Counted(denoiser)
    task = prepared(image, faces, surrogates, recipe, allowed)
    guide = AttentionGuide(how.attention) if recipe.visibility.get(ATTENTION) else None
    conditioning = denoiser.describe([""], 1.0) if unconditional is None else unconditional
    path, short = short_path(
        task, counted, finish or autoencoder, conditioning, how, guide, lambda step: on_step(step, None)
    )
    hidden = let_through(recipe, task)
    latent = DenoisedOffset(counted, autoencoder, short, recipe.latent, guide, how.checkpointed, hidden, finish)
    variable = make_variable(recipe, task, latent)
    # The picture does not tell how far attention moved; the variable that rendered it does.
    by_attention = {ATTENTION: lambda changed, clean: latent.attention_change}
    ensemble = Ensemble(surrogates)
    found = search(
        task, variable, ensemble, recipe, gallery, decoys, {**(distances or {}), **by_attention}, seed, on_step
    )
    evaluations = {
        "denoiser": counted.evaluations,
        "decoder": latent.difference.decodes,
        "recogniser": ensemble.evaluations,
    }
    return Purified(**vars(found), evaluations=evaluations, path=path, short=short, moved=latent.moved)


def short_path(
    task: Task,
    denoiser: Denoiser,
    autoencoder: Autoencoder,
    conditioning: Conditioning,
    how: Denoising,
    guide: AttentionGuide | None = None,
    on_step: Callable[[Step], None] = lambda step: None,
) -> tuple[Trajectory, ShortPath]:
    """The way up from the faces' windows, no further than is needed, and the way down as it was learned."""
    with torch.no_grad():
        clean = autoencoder.encode(task.clean)
    schedule = denoiser.sigmas(how.steps, (clean.shape[-2], clean.shape[-1]))
    path = invert(denoiser, clean, last_levels(schedule, how.last), conditioning, "euler")
    landing = guide.remembering if guide else lambda step: nullcontext()
    return path, learn_embeddings(denoiser, path, conditioning, how.last, how.learning, on_step, landing)
