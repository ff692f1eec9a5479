"""Several recognisers asked about the same faces in one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from torch import Tensor

from ..errors import InputError
from ..faces.face import Face
from .judge import Crops, Judge
from .recogniser import Recogniser

Kind_co = TypeVar("Kind_co", bound=Judge, covariant=True)


def refuse_services(
    recognisers: Sequence[Judge], what: str = "protect against, which takes a gradient"
) -> list[Recogniser]:
    """The recognisers, when all of them are networks: a service only compares two pictures, and gives neither a
    gradient nor an embedding."""
    networks = []
    for recogniser in recognisers:
        if not isinstance(recogniser, Recogniser):
            raise InputError(
                f"'{recogniser.name}' is a service that compares pictures: it can judge photos, but it is nothing to "
                f"{what}. Name it as a judge of a single photo."
            )
        networks.append(recogniser)
    return networks


def refuse_namesakes(recognisers: Sequence[Judge]) -> None:
    """Refuse two recognisers of one name, for results are kept by name."""
    names = [recogniser.name for recogniser in recognisers]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(
            f"Two recognisers here are called '{twice}', and their results could not be told apart. Name each once, "
            "either to protect against or to judge; rename the file if they are different ones."
        )


class Ensemble(Generic[Kind_co]):
    """Judges that share the aligned crop of their template and size, so that it is sampled once."""

    def __init__(self, recognisers: Sequence[Kind_co]) -> None:
        refuse_namesakes(recognisers)
        self.recognisers = tuple(recognisers)
        self.evaluations = 0
        """Faces put through a network so far; what the report states as cost."""

    def embed(self, image: Tensor, points: Tensor) -> dict[str, Tensor]:
        """Unit embeddings (B, dim) by recogniser, of faces with points (B, 5, 2) in `image` (1 or B, 3, H, W)."""
        crops, embeddings = Crops(image, points), {}
        for recogniser in refuse_services(self.recognisers):
            embeddings[recogniser.name] = recogniser.embed(crops(recogniser.card.template, recogniser.card.input_size))
            self.evaluations += len(points)
        return embeddings

    def see(self, image: Tensor, face: Face) -> dict[str, Sequence[Tensor]]:
        """What each judge keeps of one face of a picture (1, 3, H, W) for later comparison: a single row."""
        crops = Crops(image, face.points[None])
        self.evaluations += sum(isinstance(recogniser, Recogniser) for recogniser in self.recognisers)
        return {recogniser.name: recogniser.see(image, face, crops) for recogniser in self.recognisers}
