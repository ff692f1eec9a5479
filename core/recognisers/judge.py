"""What a verdict asks of whoever says whether two faces are one person's: a network here, or a service elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import torch
from torch import Tensor

from ..faces.align import align
from ..faces.face import Face

UNSTATED = "unstated"
"""The false-accept rate of a threshold whose seller states none."""


@dataclass(frozen=True)
class Limit:
    """Above which similarity a judge says "same person"."""

    threshold: float | None
    far: str
    """The false-accept rate that it belongs to, which need not be the one that was asked for."""
    source: str = ""
    """What it was measured on, or who says so."""


@dataclass(frozen=True)
class Sent:
    """What left this machine for a judge's sake since it was loaded."""

    judge: str
    to: str
    calls: int
    """Requests, those that were tried again included; each holds two face crops."""
    remembered: int
    """Comparisons whose answer was known from earlier, and for which nothing was sent."""
    faceless: int
    """Comparisons in which the service found no face: they count as not matched."""
    limit: str
    """Which threshold was used, and who says so."""

    def words(self) -> str:
        sent = f"sent for {self.judge}: {self.calls} calls so far to {self.to}, each with two crops of a face"
        known = f"; {self.remembered} answers were known from earlier" if self.remembered else ""
        none = f"; {self.faceless} comparisons showed it no face, and count as not matched" if self.faceless else ""
        return f"{sent}{known}{none}. Its threshold: {self.limit}."


class Crops:
    """Aligned crops of faces with points (B, 5, 2) in a picture, sampled once for all who take the same."""

    def __init__(self, image: Tensor, points: Tensor) -> None:
        self.image, self.points = image, points
        self._made: dict[tuple[str, int], Tensor] = {}

    def __call__(self, template: str, size: int) -> Tensor:
        key = template, size
        if key not in self._made:
            self._made[key] = align(self.image, self.points, template, size)
        return self._made[key]


class Judge(Protocol):
    """Compares faces. What it keeps of one is its own affair: a network an embedding, a service what it would send."""

    @property
    def name(self) -> str: ...

    @property
    def family(self) -> str: ...

    @property
    def spread(self) -> float:
        """A standard deviation of strangers' similarities: the unit in which judges compare."""
        ...

    def to(self, device: torch.device | str) -> Self: ...

    def see(self, image: Tensor, face: Face, crops: Crops) -> Sequence[Tensor]:
        """What it keeps of one face of a picture (1, 3, H, W): a row."""
        ...

    def alike(self, one: Tensor, other: Tensor) -> float:
        """How similar two faces are of which it has kept a row each."""
        ...

    def nearest(self, own: Tensor, rows: Sequence[Tensor]) -> Tensor:
        """Of the rows of all faces in a photo the one that resembles this face most."""
        ...

    def limit(self, far: str) -> Limit: ...

    def sent(self, far: str) -> Sent | None:
        """None for who never sends anything."""
        ...
