"""Probes: does somebody who trains on protected photos learn whom they show, and the reverse?

A recogniser's embeddings, and on them a classifier of the people in the run. A high share in the second
column means that protecting what is already public helps little against somebody who trains on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..attacks.learning import LEARNERS, Learner, named_right
from ..errors import InputError
from ..images import read_photo, to_bchw
from ..recognisers.ensemble import Ensemble
from ..recognisers.recogniser import Recogniser
from ..verdict.verify import embed_largest
from .albums import Album
from .layout import person_of
from .packing import unpacked
from .rows import Row, judged, mean

FEWEST = 4
COUNTS = (1, 2, 5)
"""Photos a person to train on, in a search."""
_DRAWS = 6
"""So often other photos are drawn to train on."""


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
    learner: str = "linear"
    photos: int = 1
    """Of each person, to train on."""


def probe(
    recogniser: Recogniser,
    people: Sequence[tuple[Path, Path, Path]],
    on_step: Callable[[int, int], None] = lambda done, of: None,
) -> list[Probe]:
    """`people`: each one's photo, its protected copy, and another photo. By every learner."""
    if len(people) < FEWEST:
        raise InputError(f"A probe needs {FEWEST} people at least, and there are {len(people)}.")
    ensemble, embedded = Ensemble([recogniser]), []
    for index, mine in enumerate(people):
        with torch.inference_mode():
            seen = [embed_largest(ensemble, to_bchw(read_photo(path).pixels))[recogniser.name][0] for path in mine]
        embedded.append(torch.stack(seen))
        on_step(index + 1, len(people))
    photos, copies, others = torch.stack(embedded, 1).unbind()
    everybody, found = torch.arange(len(people)), []
    for name, learner in LEARNERS.items():
        pairs = (photos, others), (copies, others), (others, copies)
        clean, trained, tested = (named_right(train, everybody, test, everybody, learner) for train, test in pairs)
        found.append(Probe(recogniser.name, len(people), clean, trained, tested, name))
    return found


def search_probes(rows: Sequence[Row], albums: Mapping[str, Album]) -> Iterator[tuple[str, Probe]]:
    """By method, judge, learner and photos a person, of what a search knows already; by those who took no part."""
    for method in dict.fromkeys(row["method"] for row in rows):
        for judge, album in albums.items():
            seen = [
                (row["photo"], unpacked(each["embedded"]["plain"]))
                for row, each in judged([row for row in rows if row["method"] == method])
                if each["name"] == judge and "embedded" in each and row["photo"] in album.place
            ]
            if album.embedded is None or not seen:
                continue
            protected, clean = dict(seen), dict(zip(album.names, album.embedded, strict=True))
            for count in COUNTS:
                for name, learner in LEARNERS.items():
                    found = _searched(protected, clean, count, learner)
                    if found:
                        yield method, Probe(judge, *found, learner=name, photos=count)


def _searched(
    protected: Mapping[str, Tensor], clean: Mapping[str, Tensor], count: int, learner: Learner
) -> tuple[int, float, float, float] | None:
    """How many people there are, and the three shares; None where too few have so many photos, and one more."""
    mine, all_of = _by_person(protected), _by_person(clean)
    people = [who for who in mine if len(mine[who]) >= count < len(all_of[who])]
    if len(people) < FEWEST:
        return None
    draw, shares = torch.Generator().manual_seed(0), []
    for _ in range(_DRAWS):
        pairs = (clean, clean), (protected, clean), (clean, protected)
        shares.append([_once(*each, people, count, learner, draw) for each in pairs])
    clean_clean, trained, tested = (mean(column) for column in zip(*shares, strict=True))
    return len(people), clean_clean, trained, tested


def _once(
    train: Mapping[str, Tensor],
    test: Mapping[str, Tensor],
    people: Sequence[str],
    count: int,
    learner: Learner,
    draw: torch.Generator,
) -> float:
    """One draw of `count` photos of each person to learn from; every other photo is named."""
    known, chosen = _by_person(train), []
    for who in people:
        order = torch.randperm(len(known[who]), generator=draw).tolist()
        chosen += [known[who][index] for index in order[:count]]
    unseen = [name for name in test if person_of(name) in people and name not in chosen]
    if not unseen:
        return float("nan")
    names = [torch.tensor([people.index(person_of(name)) for name in some]) for some in (chosen, unseen)]
    faces = [torch.stack([of[name] for name in some]) for of, some in ((train, chosen), (test, unseen))]
    return named_right(faces[0], names[0], faces[1], names[1], learner)


def _by_person(photos: Mapping[str, Tensor]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in photos:
        found.setdefault(person_of(name), []).append(name)
    return found
