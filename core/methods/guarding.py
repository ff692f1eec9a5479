"""Protection of an edit's faces while it is being generated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..faces.face import Face, points_of
from ..faces.masks import face_oval
from ..recognisers.recogniser import Recogniser
from ..trajectory.solvers import Moment
from .canvas import Canvas
from .guard import Guard, GuardRecipe


@dataclass(frozen=True)
class InLoop:
    """Protection while the edit is being generated: whose faces, against whom, and how."""

    faces: Sequence[Face]
    surrogates: Sequence[Recogniser]
    recipe: GuardRecipe = field(default_factory=GuardRecipe)
    seed: int = 0
    gallery: Sequence[Tensor] = ()
    """Other photos of these people, which must not be matched either."""


def ovals(faces: Sequence[Face], like: Tensor) -> Tensor:
    """The soft ovals of all these faces (1, 1, H, W); nothing for no faces."""
    covered = torch.zeros_like(like[:, :1])
    for face in faces:  # one at a time: a mask each would not fit for a group in a large photo
        covered = covered.maximum(face_oval(points_of([face], like), *like.shape[-2:]))
    return covered


class EditGuard:
    """A guard that sees the picture as it will be composed: outside of the edit's mask, faces get what the guard
    changed and not what the edit changed along with it."""

    def __init__(self, canvas: Canvas, edit_mask: Tensor, may_change: Tensor, in_loop: InLoop) -> None:
        """`edit_mask` and `may_change` (1, 1, H, W): where the edit and where edit or guard may show in the picture."""
        self.canvas, self.edit_mask, self.here = canvas, canvas.seen(edit_mask), canvas.seen(may_change)
        self.still = canvas.autoencoder.decode(canvas.clean)
        self.edited = self.still
        """What the unguarded branch shows now."""
        self.guard = Guard(
            self.picture,
            in_loop.surrogates,
            in_loop.recipe,
            canvas.before,
            seed=in_loop.seed,
            points=canvas.points(points_of(in_loop.faces, canvas.before)),
            gallery=in_loop.gallery,
        )

    @property
    def won(self) -> bool:
        return self.guard.won

    def __call__(self, moment: Moment) -> Tensor | None:
        if not self.guard.works_after(moment):
            return None
        alone = self.guard.ends(moment.latent[:1], moment.velocity[:1], moment.sigma)
        self.edited = self.canvas.autoencoder.decode(alone)
        return self.guard(moment)

    def picture(self, latent: Tensor) -> Tensor:
        """What people would see at working size; differentiable in the latent."""
        change = self.canvas.autoencoder.decode(latent) - self.edited
        return self.canvas.before + self.edit_mask * (self.edited - self.still) + self.here * change
