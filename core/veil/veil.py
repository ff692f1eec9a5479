"""A veil: what changes a face and nothing of the face. It is found, learned, kept, and worn by any photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import isfinite

import torch
from torch import Tensor

from ..errors import InputError
from ..faces.crops import Window, region_of, window_around
from ..faces.face import Face
from ..images import as_saved
from .change import Bundle, Change
from .forgiving import Forgiving
from .shape import Shape
from .wear import in_windows, wear

MOST = 1.5
"""The largest amount: half as much again as a search may change."""
_BEGUN = 0.7
"""The share of a veil that a search begins with: knots that were pushed against their bounds for one photo are slow to
leave them for another."""


@dataclass(frozen=True)
class Origin:
    """Where a veil comes from. No picture and no embedding is in it."""

    recipe: str = ""
    surrogates: dict[str, float] = field(default_factory=dict)
    """Whom it was found against, with the thresholds of then."""
    far: str = "1e-2"
    photos: int = 1
    """How many photos of the person it was found on."""
    version: str = ""


@dataclass(frozen=True)
class Veil:
    """Knots by name, a row for each face, and the shape that makes a change of them."""

    shape: Shape
    knots: dict[str, Tensor]
    origin: Origin = field(default_factory=Origin)
    share: float = 1.0
    """How much of what its knots are an amount of 1 is: a budget leaves less than was found."""

    def __len__(self) -> int:
        """For how many faces; one is for any number."""
        return len(next(iter(self.knots.values())))

    def apply(
        self, picture: Tensor, faces: Sequence[Face], amount: float = 1.0, allowed: Tensor | None = None
    ) -> Tensor:
        """`picture` (1, 3, H, W), of any size, with these faces veiled; every pixel outside their ovals is the same.

        0 changes nothing, 1 what was found, up to 1.5. `allowed` (1, 1, H, W) narrows where.
        """
        return self.worn(picture, faces, amount, allowed)[0]

    def worn(
        self,
        picture: Tensor,
        faces: Sequence[Face],
        amount: float = 1.0,
        allowed: Tensor | None = None,
        bounds: Forgiving | None = None,
    ) -> tuple[Tensor, Tensor]:
        """What `apply` gives, and the mask of what may differ (1, 1, H, W). `bounds` are this picture's, where known
        already."""
        if not (isfinite(amount) and 0 <= amount <= MOST):
            raise InputError(f"The amount of a veil is from 0 (nothing) over 1 (as found) to {MOST}, not {amount}.")
        if len(self) not in (1, len(faces)):
            raise InputError(
                f"This veil is for {len(self)} faces and {len(faces)} are to be veiled: choose faces, or use a veil of "
                "one face, which any number can wear."
            )
        if not amount:
            return picture, torch.zeros_like(picture[:, :1])
        windows, points = self._placed(picture, faces)
        bounds = bounds or self.shape.forgiving(picture, windows, points)
        variable = Bundle(self.shape.fields(points, bounds, shared=len(self) == 1))
        self.put_on(variable)
        return wear(picture, faces, windows, variable, allowed, amount * self.share)

    def on_photo(self, photo: Tensor, faces: Sequence[Face], amount: float = 1.0) -> Tensor:
        """A photo with its faces veiled, as the eight bits of a file hold it; of a large one only the part that its
        faces need is worked on."""
        region, result = region_of(faces, *photo.shape[-2:]), photo.clone()
        part = region.cut(photo)
        worn, mask = self.worn(part, [region.moved(face) for face in faces], amount)
        region.cut(result).copy_(torch.where(mask > 0, as_saved(worn), part))
        return result

    def scaled(self, share: float) -> Veil:
        """The veil whose amount of 1 is this one's `share`, from 0 to 1."""
        return replace(self, share=self.share * share)

    def bounds(self, picture: Tensor, faces: Sequence[Face]) -> Forgiving | None:
        """What a picture forgives where these faces are: half of the work, and alike from frame to frame."""
        return self.shape.forgiving(picture, *self._placed(picture, faces))

    def _placed(self, picture: Tensor, faces: Sequence[Face]) -> tuple[list[Window], Tensor]:
        windows = [window_around(face, self.shape.margin) for face in faces]
        return windows, in_windows([face.points for face in faces], windows, self.shape.size).to(picture.device)

    def begin(self, variable: Bundle) -> None:
        """Set a variable to this veil, as the beginning of a further search."""
        less = _BEGUN * self.share
        replace(self, knots={name: torch.atanh(less * torch.tanh(knots)) for name, knots in self.knots.items()}).put_on(
            variable
        )

    def put_on(self, variable: Bundle) -> None:
        """Set a variable's parameters to these knots; those of a single face are used for every row."""
        names = dict(named(variable))
        if {name: row.shape[1:] for name, row in self.knots.items()} != {n: p.shape[1:] for n, p in names.items()}:
            raise InputError(
                f"This veil was found with '{self.origin.recipe}' and has other knots than what it is to be the "
                "beginning of: search on with the strength that it was found with."
            )
        for name, parameter in names.items():
            if len(self) not in (1, len(parameter)):
                raise InputError(f"This veil is for {len(self)} faces, and {len(parameter)} are to be protected.")
            parameter.data.copy_(self.knots[name].expand_as(parameter))


def veil_of(variable: Bundle, shape: Shape, origin: Origin) -> Veil | None:
    """What a search has found, as a veil; None where it changed what belongs to this one picture: pixels, a latent."""
    if not variable.parts or not all(hasattr(part, "kind") for part in variable.parts):
        return None
    return Veil(shape, {name: parameter.detach().clone().cpu() for name, parameter in named(variable)}, origin)


def named(variable: Bundle) -> list[tuple[str, Tensor]]:
    """A bundle's parameters by what they are: "warp.0", "contrast.2"."""
    return [(f"{_kind(part)}.{i}", knots) for part in variable.parts for i, (knots, _) in enumerate(part.groups())]


def _kind(part: Change) -> str:
    return getattr(part, "kind", type(part).__name__)


def at_rest(shape: Shape) -> Veil:
    """A veil that changes nothing yet."""
    nowhere = torch.zeros(1, 5, 2)
    return Veil(shape, {name: knots.detach() for name, knots in named(Bundle(shape.fields(nowhere, None)))})
