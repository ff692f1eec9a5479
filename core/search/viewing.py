"""How a recogniser may come to see a picture: what the loss varies, so that no find hangs on one way of seeing."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..faces.align import jitter, spread_by
from ..sharing.views import apply_view, draw_view


@dataclass(frozen=True)
class Viewing:
    """What is drawn anew for each look; by default every look is the same."""

    views: tuple[str, ...] = ("plain",)
    """Kinds of `sharing.views`, one of them a look."""
    jitter: float = 0.0
    """How far detectors disagree about a landmark: a standard deviation, in eye distances."""
    spans: tuple[float, float] = (1.0, 1.0)
    """Between these factors a face's points move together or apart. Together, the face is laid larger in the crop, as
    other recognisers' alignments and tighter detectors lay it."""

    def __call__(self, image: Tensor, points: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """One look at pictures (A, 3, H, W) with points (A, 5, 2); the generator alone decides which."""
        seen = apply_view(image, draw_view(generator, self.views))
        if self.jitter:
            points = jitter(points, self.jitter, generator)
        nearest, furthest = self.spans
        if nearest != furthest:
            drawn = float(torch.rand(1, generator=generator))
            points = spread_by(points, nearest + (furthest - nearest) * drawn)
        return seen, points


PLAIN = Viewing()
VARIED = Viewing(("plain", "resize", "jpeg", "blur"), jitter=0.02)
