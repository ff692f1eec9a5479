"""What is minimised: identity times its adaptive weight, plus what makes the change visible."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch.nn.functional as F
from torch import Tensor

from ..optimise import Terms
from ..perception.colour import chroma_change
from ..perception.ssim import ms_ssim
from .identity import Identity
from .weighting import Constant, Weighting

_PATCH = 12
"""Pixels of the working copy that make a broad patch: a tenth of a face."""

_SPOT = 5
"""Pixels of the working copy that are seen as one spot."""
_PEAK = 0.03
"""Share of the window that counts as where the change is greatest: about as much as a nose takes."""

Distance = Callable[[Tensor, Tensor], Tensor]
"""Two pictures (A, 3, H, W) to one number each."""


def structure_change(changed: Tensor, clean: Tensor) -> Tensor:
    """Mean change of the luma's slopes: brows, lids and lips are edges, and edges are what a scar smears."""
    difference = (changed - clean).mean(1, keepdim=True)
    across, down = difference.diff(dim=-1), difference.diff(dim=-2)
    return across.abs().mean((1, 2, 3)) + down.abs().mean((1, 2, 3))


def shading_change(changed: Tensor, clean: Tensor) -> Tensor:
    """Change of brightness over broad patches: a cheek's new shadow costs the other terms little, and looks bruised."""
    broad = F.avg_pool2d((changed - clean).mean(1, keepdim=True), _PATCH, _PATCH // 2)
    return broad.abs().mean((1, 2, 3)) + 4 * broad.square().mean((1, 2, 3))


def peak_change(changed: Tensor, clean: Tensor) -> Tensor:
    """Mean change of brightness where it is greatest: the others are means over all of the face, to which a nose that
    is drawn anew costs little. Spread out, the same protection leaves no scar."""
    height, width = clean.shape[-2:]
    local = F.avg_pool2d((changed - clean).mean(1, keepdim=True).abs(), _SPOT, 1, _SPOT // 2, count_include_pad=False)
    return local.flatten(1).topk(max(1, round(_PEAK * height * width)), 1).values.mean(1)


def multi_scale_distance(changed: Tensor, clean: Tensor) -> Tensor:
    """1 - MS-SSIM: the perceptual distance that needs no weights."""
    return 1 - ms_ssim(changed, clean)


VISIBILITY: dict[str, Distance] = {
    "perceptual": multi_scale_distance,
    "structure": structure_change,
    "chroma": chroma_change,
    "shading": shading_change,
    "peak": peak_change,
}
"""Terms that a recipe may weigh, by name; "perceptual" is what the adaptive weight listens to."""


@dataclass
class Objective:
    """Identity against visibility, for clean pictures (B, 3, H, W) known in advance."""

    clean: Tensor
    identity: Identity
    weighting: Weighting
    visibility: Mapping[str, float]
    """Weight of each visibility term; terms of weight 0 are not computed."""
    distances: Mapping[str, Distance]
    scores: dict[str, Tensor] | None = None
    """Each recogniser's latest cosines, for progress."""
    seen: Tensor | None = None
    """The pictures that were judged last, for previews."""
    _perceptual: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self._perceptual = self.clean.new_zeros(len(self.clean))

    def __call__(self, image: Tensor, rows: Tensor, progress: float) -> Terms:
        """Terms of the pictures (A, 3, H, W) of the faces `rows`."""
        score = self.identity(image, rows)
        self.scores, self.seen = score.cosines, image.detach()
        values = {"identity": score.loss}
        clean = self.clean[rows]
        for name, weight in self.visibility.items():
            if weight:
                values[name] = self.distances[name](image, clean)
        total = self._weight(values, rows, progress) * score.loss
        for name, value in values.items():
            if name != "identity":
                total = total + self.visibility[name] * value
        # Totals of different steps compare only as long as they are weighed alike.
        compared = total if isinstance(self.weighting, Constant) else None
        return Terms(values, total, score.won & self.weighting.content(self._perceptual[rows]), compared)

    def _weight(self, values: dict[str, Tensor], rows: Tensor, progress: float) -> Tensor:
        """The schedule sees all faces' last known visibility, so that its state keeps one entry per face."""
        if "perceptual" in values:
            self._perceptual[rows] = values["perceptual"].detach()
        return self.weighting.weight(progress, self._perceptual)[rows]
