"""The identity term: how far each recogniser still is from not knowing the face."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError
from ..recognisers.card import Card
from ..recognisers.ensemble import Ensemble
from ..recognisers.recogniser import Recogniser
from .viewing import PLAIN, Viewing

MEASURED_WITH = 2
"""Surrogates that the recipes' weights were measured with. A mean over them is multiplied by it, so that one surrogate
alone is not outweighed by what holds the picture, and five do not overrule it."""


@dataclass(frozen=True)
class IdentityScore:
    """Per face: the loss, whether all is won in this view, and every recogniser's cosine to the nearest reference."""

    loss: Tensor
    won: Tensor
    cosines: dict[str, Tensor]


@dataclass(frozen=True)
class Aim:
    """What counts as won, in standard deviations of a recogniser's own impostor cosines (`Card.impostors`).

    Dodge: `margin` below the threshold. Decoy: `margin` above it towards the decoy, besides
    dodging. Cosines of different networks do not compare; these units do.
    """

    form: str = "hinge"
    """"hinge" stops pushing when won; "cosine" is the papers' plain sum of the surrogates' cosines: it never does."""
    far: str = "1e-2"
    margin: float = 3.0
    decoy_margin: float = 1.0
    residual: float = 1.0
    """Decoy: how much dodging weighs beside it; at 0 whoever resembles the decoy may still resemble themselves."""


class Identity:
    """Embeds the picture as a service might see it (`Viewing`) and hinges what it finds."""

    def __init__(
        self,
        ensemble: Ensemble[Recogniser],
        points: Tensor,
        references: dict[str, Tensor],
        decoys: dict[str, Tensor] | None = None,
        aim: Aim | None = None,
        viewing: Viewing = PLAIN,
        generator: torch.Generator | None = None,
    ) -> None:
        """`points` (B, 5, 2) in the rendered picture; `references` by recogniser (B, R, dim); `decoys` (D, dim)."""
        for recogniser in ensemble.recognisers:
            if not recogniser.differentiable:
                raise InputError(f"Recogniser '{recogniser.name}' gives no gradient: it can judge, not protect.")
        self.ensemble, self.points, self.references, self.decoys = ensemble, points, references, decoys
        self.aim, self.viewing = aim or Aim(), viewing
        self.generator = generator or torch.Generator().manual_seed(0)

    def __call__(self, image: Tensor, rows: Tensor) -> IdentityScore:
        """Score pictures (A, 3, H, W) of the faces `rows`."""
        seen, points = self.viewing(image, self.points[rows], self.generator)
        return self.judge(self.ensemble.embed(seen, points), rows)

    def judge(self, embeddings: dict[str, Tensor], rows: Tensor) -> IdentityScore:
        """Score embeddings (A, dim) by recogniser; apart so that it can be tested without networks."""
        losses, cosines = [], {}
        for recogniser in self.ensemble.recognisers:
            name, card = recogniser.name, recogniser.card
            embedding = embeddings[name]
            own = self._to_references(name, embedding, rows)
            cosines[name] = own.detach().amax(1)
            loss = self._excess(own, card).mean(1)
            if self.decoys is not None:
                loss = self.aim.residual * loss + self._shortfall(embedding @ self.decoys[name].T, card).amin(1)
            losses.append(loss)
        each = torch.stack(losses)
        loss = each.sum(0) if self.aim.form == "cosine" else MEASURED_WITH * each.mean(0)
        return IdentityScore(loss, (each.detach() == 0).all(0), cosines)

    def unmatched(self, embeddings: dict[str, Tensor], rows: Tensor) -> Tensor:
        """Whether every recogniser is below its plain threshold, margin aside (A,)."""
        each = [
            self._to_references(r.name, embeddings[r.name], rows).amax(1) < r.threshold(self.aim.far)
            for r in self.ensemble.recognisers
        ]
        return torch.stack(each).all(0)

    def _to_references(self, name: str, embedding: Tensor, rows: Tensor) -> Tensor:
        """Cosines (A, R) of embeddings (A, dim) to each of their own faces' references."""
        return torch.einsum("ad,ard->ar", embedding, self.references[name][rows])

    def _excess(self, cosine: Tensor, card: Card) -> Tensor:
        """Standard deviations above the dodging aim; 0 when won."""
        if self.aim.form == "cosine":
            return cosine
        _, deviation = card.impostors()
        return torch.relu((cosine - card.threshold(self.aim.far)) / deviation + self.aim.margin)

    def _shortfall(self, cosine: Tensor, card: Card) -> Tensor:
        """Standard deviations below the decoy aim; 0 when won."""
        if self.aim.form == "cosine":
            return 1 - cosine
        _, deviation = card.impostors()
        return torch.relu((card.threshold(self.aim.far) - cosine) / deviation + self.aim.decoy_margin)
