"""A recogniser's card: everything about a face-recognition network except its weights.

The side-car JSON next to an ONNX file and the entries of the built-in catalogue are the
same record, so adding a recogniser means writing one card.
"""

from __future__ import annotations

import json
import reprlib
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields
from itertools import pairwise
from pathlib import Path
from statistics import NormalDist

from ..errors import ModelError
from ..faces.align import TEMPLATES
from ..whole import whole

_LARGEST = 1 << 20
"""Bytes of a description; a page of text is a hundredth of that."""
_WORDS = ("family", "architecture", "source", "licence", "thresholds_from")


@dataclass(frozen=True)
class Card:
    """What a network expects, what its similarities mean, and where all that comes from."""

    name: str
    input_size: int
    template: str
    """Alignment template, a key of `faces.align.TEMPLATES`: "arcface", "dlib", "facenet"."""
    family: str = ""
    """Networks of one family fool each other easily; transfer is only meaningful across families."""
    channels: str = "RGB"
    mean: tuple[float, float, float] = (127.5, 127.5, 127.5)
    scale_after_mean: float = 1 / 127.5
    input_range: tuple[float, float] = (0.0, 255.0)
    """The network sees `(crop * (hi - lo) + lo - mean) * scale_after_mean`, crop in [0, 1]."""
    dim: int = 0
    architecture: str = ""
    source: str = ""
    licence: str = ""
    commercial: bool | None = None
    """Whether the licence allows commercial use; None when its terms are not stated."""
    thresholds: dict[str, float] = field(default_factory=dict)
    """False-accept rate, as text ("1e-2"), to the cosine above which it says 'same person'."""
    tar: dict[str, float] = field(default_factory=dict)
    thresholds_from: str = ""

    def threshold(self, far: str = "1e-2") -> float:
        """The cosine at a false-accept rate; raises when this network was never calibrated there."""
        try:
            return self.thresholds[far]
        except KeyError:
            known = ", ".join(self.thresholds) or "none"
            raise ModelError(
                f"Recogniser '{self.name}' has no threshold at a false-accept rate of {far} (known: {known}). "
                "Choose one of the known rates, or measure this one: faceveil calibrate."
            ) from None

    def impostors(self) -> tuple[float, float]:
        """`impostors_of` this recogniser's thresholds."""
        if not self.thresholds:
            self.threshold()
        return impostors_of(self.thresholds)


def impostors_of(thresholds: Mapping[str, float]) -> tuple[float, float]:
    """Mean and standard deviation of the cosines of different people, as the thresholds imply them.

    Cosines of two networks do not compare (dlib's lie between .8 and 1, MobileFaceNet's
    around 0); in units of their own impostors they do. With a single threshold the spread
    is a guess: a fifth of the way from the threshold to 1.
    """
    rates = sorted(thresholds, key=float)
    normal = NormalDist()
    quantiles = [normal.inv_cdf(1 - float(rate)) for rate in rates]
    cosines = [thresholds[rate] for rate in rates]
    several = len(rates) > 1
    deviation = (cosines[0] - cosines[-1]) / (quantiles[0] - quantiles[-1]) if several else (1 - cosines[0]) / 5
    return cosines[-1] - quantiles[-1] * deviation, deviation


def read_card(path: Path, **fallback: object) -> Card:
    """Read a side-car JSON. Unknown keys are ignored; `fallback` supplies what it leaves out."""
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"it has more than {_LARGEST >> 20} MB")
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:  # not only what json calls its own: numbers of any length
        raise ModelError(
            f"The recogniser description {path.name} cannot be read: {error}. Mend or remove it."
        ) from error
    if not isinstance(data, dict):
        raise ModelError(f"The recogniser description {path.name} must be a JSON object. Mend or remove it.")
    known = {f.name for f in fields(Card)}
    merged = {**fallback, **{key: value for key, value in data.items() if key in known}}
    for key in ("mean", "input_range"):
        if key in merged:
            try:
                merged[key] = tuple(float(v) for v in merged[key])
            except (TypeError, ValueError, OverflowError):
                raise ModelError(
                    f"In the recogniser description {path.name}, {key} must be a list of numbers, not "
                    f"{reprlib.repr(merged[key])}."
                ) from None
    try:
        card = Card(**merged)
    except (TypeError, ValueError) as error:
        raise ModelError(f"The recogniser description {path.name} is incomplete: {error}.") from error
    wrong = _first_wrong(card, data)
    if wrong:
        raise ModelError(f"In the recogniser description {path.name}, {wrong}. Mend it.")
    return card


def _first_wrong(card: Card, given: Collection[str]) -> str | None:
    """What a hand-written description gets wrong, said before it turns into nonsense numbers.

    Only `given` keys are looked at: what a file leaves out its reader may fill with placeholders.
    """

    def number(value: object, low: float, high: float) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high

    def rates(value: object) -> bool:
        return isinstance(value, dict) and all(map(is_rate, value)) and all(number(v, -1, 1) for v in value.values())

    def stricter(value: dict[str, float]) -> bool:
        """Fewer strangers are accepted at a higher threshold; in any other order the search would go astray."""
        by_rate = [value[rate] for rate in sorted(value, key=float, reverse=True)]
        distinct = len({float(rate) for rate in value}) == len(value)  # "1e-2" and "0.01" are one rate
        return distinct and all(above > below for below, above in pairwise(by_rate))

    size = isinstance(card.input_size, int) and number(card.input_size, 32, 1024)
    spread = len(card.input_range) == 2 and all(number(v, -1e6, 1e6) for v in card.input_range)
    spread = spread and card.input_range[0] < card.input_range[1]
    words = {name: (isinstance(getattr(card, name), str), "text") for name in _WORDS}
    checks = {
        **words,
        "name": (isinstance(card.name, str) and card.name.strip() != "", "a name"),
        "dim": (isinstance(card.dim, int) and number(card.dim, 0, 1e5), "a whole number"),
        "commercial": (card.commercial in (True, False, None), "true, false or null"),
        "input_size": (size, "a whole number from 32 to 1024"),
        "template": (card.template in list(TEMPLATES), f"one of {', '.join(TEMPLATES)}"),
        "channels": (card.channels in ("RGB", "BGR"), "RGB or BGR"),
        "mean": (len(card.mean) == 3 and all(number(v, -1e6, 1e6) for v in card.mean), "three numbers"),
        "scale_after_mean": (number(card.scale_after_mean, 1e-9, 1e9), "a number above 0"),
        "input_range": (spread, "two growing numbers"),
        "thresholds": (
            rates(card.thresholds) and stricter(card.thresholds),
            "rates between 0 and 1, such as 1e-2, with numbers from -1 to 1 that grow as the rate shrinks",
        ),
        "tar": (rates(card.tar), "rates between 0 and 1, such as 1e-2, with numbers from -1 to 1"),
    }
    wrong = (key for key, (right, _) in checks.items() if key in given and not right)
    return next((f"{key} must be {checks[key][1]}, not {reprlib.repr(getattr(card, key))}" for key in wrong), None)


def is_rate(text: str) -> bool:
    """Whether this is a false-accept rate, such as "1e-2"."""
    try:
        return 0 < float(text) < 1
    except ValueError:
        return False


def write_card(card: Card, path: Path) -> None:
    """Write a card as a side-car JSON."""
    with whole(path) as part:
        part.write_text(json.dumps(asdict(card), indent=1) + "\n", encoding="utf-8")
