"""How a recogniser may see a picture: what the loss varies, so that what is found does not depend on one way."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
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
    covered: float = 0.0
    """The share of a picture that a look covers, in soft blocks of an eighth of its side. What hides a face must then
    lie all over it: a single place that does it all is one that networks of another family may not look at."""

    def __call__(self, image: Tensor, points: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """One look at pictures (A, 3, H, W) with points (A, 5, 2); the generator alone decides which."""
        seen = apply_view(image, draw_view(generator, self.views))
        if self.jitter:
            points = jitter(points, self.jitter, generator)
        nearest, furthest = self.spans
        if nearest != furthest:
            drawn = float(torch.rand(1, generator=generator))
            points = spread_by(points, nearest + (furthest - nearest) * drawn)
        if self.covered:
            seen = _covered(seen, self.covered, generator)
        return seen, points


_BLOCKS = 8


def _covered(pictures: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Pictures with some blocks in their own mean colour."""
    left = (torch.rand(1, 1, _BLOCKS, _BLOCKS, generator=generator) >= share).to(pictures)
    left = F.interpolate(left, pictures.shape[-2:], mode="bilinear")
    mean = pictures.detach().mean((2, 3), keepdim=True)
    return torch.lerp(mean, pictures, left)


PLAIN = Viewing()
VARIED = Viewing(("plain", "resize", "jpeg", "blur"), jitter=0.02)
