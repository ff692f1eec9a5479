"""Several recognisers asked about the same faces in one call."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ..faces.align import align
from .recogniser import Recogniser


class Ensemble:
    """Recognisers that share the aligned crop of their template and size, so that it is sampled once."""

    def __init__(self, recognisers: Sequence[Recogniser]) -> None:
        self.recognisers = list(recognisers)
        self.evaluations = 0
        """Faces put through a network so far; what the report states as cost."""

    def embed(self, image: Tensor, points: Tensor) -> dict[str, Tensor]:
        """Unit embeddings (B, dim) by recogniser, of faces with points (B, 5, 2) in `image` (1 or B, 3, H, W)."""
        crops: dict[tuple[str, int], Tensor] = {}
        embeddings = {}
        for recogniser in self.recognisers:
            key = recogniser.card.template, recogniser.card.input_size
            if key not in crops:
                crops[key] = align(image, points, *key)
            embeddings[recogniser.name] = recogniser.embed(crops[key])
            self.evaluations += len(points)
        return embeddings
