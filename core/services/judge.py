"""A service as a judge: shown two faces it says how alike they are, and that is all it gives."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, log10
from typing import Any, Self

import torch
from torch import Tensor

from ..errors import FaceVeilError, ServiceError
from ..faces.face import Face
from ..plain import plain
from ..recognisers.card import impostors_of, is_rate
from ..recognisers.judge import UNSTATED, Crops, Limit, Sent
from .memory import Memory, pair_of
from .patience import Patience
from .picture import as_png, face_crop
from .service import Answer, Service, adopted, ours


class OnlineJudge:
    """Made only for a service that somebody agreed to ask. What it keeps of a face is the crop that it would send."""

    def __init__(self, service: Service, patience: Patience | None = None) -> None:
        self.service, self.about = service, adopted(service.about)
        self.patience = patience or Patience(pause=self.about.pause)
        self.memory = Memory(self.about.name)
        self.calls = self.remembered = self.faceless = 0
        self._answers: dict[str, Answer] = {}
        self._thresholds: dict[str, float] = {}
        """Thresholds that came with answers, which are worth more than those that a page states."""

    def __repr__(self) -> str:
        return f"OnlineJudge({self.name})"

    @property
    def name(self) -> str:
        return self.about.name

    @property
    def family(self) -> str:
        return self.about.family or self.about.name

    @property
    def thresholds(self) -> dict[str, float]:
        return self._thresholds or dict(self.about.thresholds)

    @property
    def spread(self) -> float:
        """As its thresholds imply it; of a single one a fifth of the way to 1, which is a guess."""
        if self.thresholds:
            return max(impostors_of(self.thresholds)[1], 1e-3)
        return (1 - (self.about.threshold or 0.0)) / 5

    def to(self, device: torch.device | str) -> Self:
        """Itself: it computes elsewhere."""
        return self

    def see(self, image: Tensor, face: Face, crops: Crops) -> Sequence[Tensor]:
        """The crop (3, h, w); nothing is sent before two are compared."""
        return [face_crop(image, face, self.about.side)]

    def alike(self, one: Tensor, other: Tensor) -> float:
        """From 0 to 1; 0 where it found no face. The same two pictures are sent once."""
        pair = pair_of(self.about, one, other)
        if pair not in self._answers:
            self._answers[pair] = self._answer(pair, one, other)
        score = self._answers[pair].score
        return 0.0 if score is None else score

    def nearest(self, own: Tensor, rows: Sequence[Tensor]) -> Tensor:
        """The only row. Several are refused: to tell whose is meant, people would be sent who never agreed to it."""
        if len(rows) != 1:
            raise ServiceError(
                f"A photo to compare with shows {len(rows)} people, and all of them would be sent to "
                f"{self.about.title}. Crop it to the one who is meant."
            )
        return rows[0]

    def limit(self, far: str) -> Limit:
        """Its own threshold at this rate, else at the nearest that it states, else the one that it recommends."""
        source = self.about.thresholds_from or self.about.title
        if self.thresholds:
            near = min(self.thresholds, key=lambda rate: (abs(log10(float(rate)) - log10(float(far))), -float(rate)))
            instead = "" if near == far else f"; it states none at {far}"
            return Limit(self.thresholds[near], near, f"{self.thresholds[near]:.3f} at {near}, {source}{instead}")
        if self.about.threshold is not None:
            return Limit(self.about.threshold, UNSTATED, f"{self.about.threshold:.3f}, {source}; it states no rate")
        return Limit(None, far, "it states none")

    def sent(self, far: str) -> Sent:
        where = f"{self.about.title} ({self.about.place})"
        return Sent(self.name, where, self.calls, self.remembered, self.faceless, self.limit(far).source)

    def _answer(self, pair: str, one: Tensor, other: Tensor) -> Answer:
        answer = _in_numbers(self.memory.recall(pair))
        if answer is None:
            answer = self._request(*(as_png(crop, self.about.size) for crop in (one, other)))
            self.memory.keep(pair, answer)
        else:
            self.remembered += 1
        self.faceless += answer.score is None
        for rate, threshold in answer.thresholds.items():
            # The one that is hardest to escape.
            self._thresholds[rate] = min(threshold, self._thresholds.get(rate, threshold))
        return answer

    def _request(self, one: bytes, other: bytes) -> Answer:
        def call() -> Answer:
            self.calls += 1
            try:
                return self.service.compare(one, other)
            except FaceVeilError:
                raise
            except Exception as error:  # somebody else's program
                raise ours(error, self.name) from error

        given = self.patience.ask(call)
        answer = _in_numbers(given)
        if answer is None:
            raise ServiceError(f"{self.about.title} answered with a similarity that is none: {plain(given)[:120]}.")
        return answer


def _in_numbers(answer: Any) -> Answer | None:
    """The answer as plain floats; None where something in it is no number from 0 to 1, or no rate: a server, a file and
    another package say what they like."""
    try:
        score = None if answer.score is None else float(answer.score)
        thresholds = {str(rate): float(at) for rate, at in answer.thresholds.items()}
    except (AttributeError, TypeError, ValueError):
        return None
    numbers = [*thresholds.values(), *([] if score is None else [score])]
    sound = all(isfinite(number) and 0 <= number <= 1 for number in numbers) and all(map(is_rate, thresholds))
    return Answer(score, thresholds) if sound else None
