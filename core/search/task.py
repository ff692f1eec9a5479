"""The faces of one picture, brought to the size at which they are worked on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError
from ..faces.align import boxed_points
from ..faces.crops import Window, resize, window_around
from ..faces.face import Face
from ..faces.masks import face_oval
from ..recognisers.recogniser import Recogniser
from ..veil.change import Change
from ..veil.wear import in_windows, wear
from .recipe import Recipe

SMALLEST_FACE = 40
"""Below this many pixels a face holds too little for any recogniser to be fooled about, or any eye to compare."""


@dataclass(frozen=True)
class Task:
    """The faces of one picture, brought to the working size as one batch."""

    image: Tensor
    faces: list[Face]
    windows: list[Window]
    clean: Tensor
    points: Tensor
    shown: Tensor
    """Five points of each face of `image` (B, 5, 2), as recognisers are shown it."""
    masks: Tensor
    allowed: Tensor | None

    @classmethod
    def prepare(cls, image: Tensor, faces: Sequence[Face], recipe: Recipe, allowed: Tensor | None) -> Task:
        """`allowed` (1, 1, H, W) narrows where pixels may change."""
        windows = [window_around(face, recipe.margin) for face in faces]
        size = recipe.size
        clean = torch.cat([resize(window.cut(image), size, size) for window in windows])
        points = in_windows([face.points for face in faces], windows, size).to(image.device)
        shown = torch.stack([face.points if recipe.aligned else boxed_points(face.box) for face in faces]).to(image)
        masks = face_oval(points, size, size)
        if allowed is not None:
            masks = masks * torch.cat([resize(window.cut(allowed), size, size) for window in windows])
        return cls(image, list(faces), windows, clean, points, shown, masks, allowed)

    def paste_all(self, variable: Change, amount: float = 1.0) -> tuple[Tensor, Tensor]:
        """The photo at its own resolution with every face changed, and the mask of what may differ."""
        return wear(self.image, self.faces, self.windows, variable, self.allowed, amount)


def prepared(
    image: Tensor, faces: Sequence[Face], surrogates: Sequence[Recogniser], recipe: Recipe, allowed: Tensor | None
) -> Task:
    """The faces at their working size, when everything about them can be used."""
    if not surrogates:
        raise InputError("No recogniser was named to protect against: name at least one.")
    refuse_small(faces)
    task = Task.prepare(image, faces, recipe, allowed)
    if not task.masks.flatten(1).any(1).all():
        raise InputError("The mask leaves a face nothing that may change. Paint it over the face, or leave it out.")
    return task


def refuse_small(faces: Sequence[Face]) -> None:
    """Say before any work which faces are too small, and what helps with these faces."""
    sizes = [face.size for face in faces]
    small = [size for size in sizes if size < SMALLEST_FACE]
    if not small:
        return
    needed = f"at least {SMALLEST_FACE} px are needed"
    if len(small) == len(faces):
        raise InputError(
            f"The {'' if len(faces) == 1 else 'largest '}face is only {max(sizes):.0f} px wide; {needed}. "
            "Use a larger copy of the picture."
        )
    raise InputError(
        f"{len(small)} of {len(faces)} faces are too small ({min(sizes):.0f} px wide; {needed}). "
        "Use a larger copy of the picture, or choose a large face: the largest, or one by its number."
    )
