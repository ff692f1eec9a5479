"""Several recognisers asked about the same faces in one call."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ..errors import InputError
from ..faces.align import align
from .recogniser import Recogniser


def refuse_namesakes(recognisers: Sequence[Recogniser]) -> None:
    """Results are kept by name, so one of two namesakes would be judged by the other's word."""
    names = [recogniser.name for recogniser in recognisers]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(
            f"Two recognisers here are called '{twice}', and their results could not be told apart. Name each once, "
            "either to protect against or to judge; rename the file if they are different ones."
        )


class Ensemble:
    """Recognisers that share the aligned crop of their template and size, so that it is sampled once."""

    def __init__(self, recognisers: Sequence[Recogniser]) -> None:
        refuse_namesakes(recognisers)
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
