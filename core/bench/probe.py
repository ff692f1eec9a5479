"""The linear probe: does somebody who trains on protected photos learn whom they show, and the reverse?

A recogniser's embeddings, and on them a linear classifier of the people in the run. A high share in the second
column means that protecting what is already public helps little against somebody who trains on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..errors import InputError
from ..images import read_photo, to_bchw
from ..recognisers.ensemble import Ensemble
from ..recognisers.recogniser import Recogniser
from ..verdict.verify import embed_largest

FEWEST = 4


@dataclass(frozen=True)
class Probe:
    """Shares of people named right, out of `people`."""

    recogniser: str
    people: int
    clean: float
    """Trained on the original photos, tested on the other photos: what protection has to be compared with."""
    trained_on_protected: float
    """Trained on protected photos, tested on the other, clean ones."""
    tested_on_protected: float
    """Trained on the other, clean photos, tested on protected ones."""


def named_right(train: Tensor, test: Tensor, ridge: float = 1e-2) -> float:
    """Ridge regression onto one-hot names, one photo of each person to train and one to test, in the same order."""
    people = len(train)
    inputs = torch.cat([train, train.new_ones(people, 1)], 1).double()
    kernel = inputs @ inputs.T + ridge * torch.eye(people, dtype=torch.float64)
    weights = inputs.T @ torch.linalg.solve(kernel, torch.eye(people, dtype=torch.float64))
    guesses = torch.cat([test, test.new_ones(len(test), 1)], 1).double() @ weights
    return float((guesses.argmax(1) == torch.arange(len(test))).double().mean())


def probe(
    recogniser: Recogniser,
    people: Sequence[tuple[Path, Path, Path]],
    on_step: Callable[[int, int], None] = lambda done, of: None,
) -> Probe:
    """`people`: each one's photo, its protected copy, and another photo."""
    if len(people) < FEWEST:
        raise InputError(f"A linear probe needs {FEWEST} people at least, and there are {len(people)}.")
    ensemble, embedded = Ensemble([recogniser]), []
    for index, photos in enumerate(people):
        with torch.inference_mode():
            seen = [embed_largest(ensemble, to_bchw(read_photo(path).pixels))[recogniser.name][0] for path in photos]
        embedded.append(torch.stack(seen))
        on_step(index + 1, len(people))
    photos, copies, others = torch.stack(embedded, 1).unbind()
    return Probe(
        recogniser.name,
        len(people),
        named_right(photos, others),
        named_right(copies, others),
        named_right(others, copies),
    )
