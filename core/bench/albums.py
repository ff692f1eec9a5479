"""A search's photos as each judge sees them, and its rows as pairs: a protected photo with another of the person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from .layout import person_of
from .packing import unpacked
from .rows import Row


@dataclass(frozen=True)
class Album:
    """All photos as one judge sees them unprotected."""

    names: list[str]
    alike: Tensor
    """(N, N); nan where two were never compared."""
    embedded: Tensor | None = None
    """(N, dim); a judge of one's own tells only how alike two photos are."""

    @cached_property
    def place(self) -> dict[str, int]:
        """Where a photo stands, by its name."""
        return {name: index for index, name in enumerate(self.names)}

    @cached_property
    def others(self) -> Tensor:
        """Which photos show the same person as which, itself left out (N, N)."""
        people = [person_of(name) for name in self.names]
        whose = torch.tensor([people.index(person) for person in people])
        return (whose[:, None] == whose) & ~torch.eye(len(whose), dtype=torch.bool)


def albums_of(known: Iterable[Row]) -> dict[str, Album]:
    """By judge; rows of several machines may tell of the same photos."""
    faces: dict[str, dict[str, Tensor]] = {}
    compared: dict[str, dict[str, dict[str, float]]] = {}
    for row in known:
        for judge, text in row["embedded"].items():
            faces.setdefault(judge, {})[row["known"]] = unpacked(text)
        for judge, others in row["outside"].items():
            compared.setdefault(judge, {}).setdefault(row["known"], {}).update(others)
    albums = {}
    for judge, seen in faces.items():
        embedded = torch.stack(list(seen.values()))
        albums[judge] = Album(list(seen), embedded @ embedded.T, embedded)
    for judge, alike in compared.items():
        one_way = torch.stack([_line(others, list(alike)) for others in alike.values()])
        albums[judge] = Album(list(alike), torch.where(one_way.isnan(), one_way.T, one_way))
    return albums


def copies_of(seen: Row) -> Iterable[str]:
    """In which copies a judge saw a protected photo."""
    return seen["alike"] if "alike" in seen else seen["embedded"]


def alike_after(seen: Row, album: Album, copy: str) -> Tensor:
    """How alike a protected photo is to every other one (N,)."""
    if album.embedded is None:
        return _line(seen["alike"][copy], album.names)
    return album.embedded @ unpacked(seen["embedded"][copy])


def _line(alike: Mapping[str, float], names: Sequence[str]) -> Tensor:
    """(N,); nan for those of whom it says nothing, as of photos that came later."""
    return torch.tensor([alike.get(name, torch.nan) for name in names])


def as_pairs(row: Row, albums: Mapping[str, Album]) -> Row:
    """The row as the protocol of pairs has it, each recogniser once for every other photo of the person."""
    return row | {part: [pair for seen in row[part] for pair in _pairs(row, seen, albums)] for part in _PARTS}


_PARTS = ("recognisers", "outside")


def _pairs(row: Row, seen: Row, albums: Mapping[str, Album]) -> list[Row]:
    album = albums.get(seen["name"])
    if album is None or row["photo"] not in album.place:
        return []
    mine = album.place[row["photo"]]
    before = album.alike[mine].tolist()
    after = {copy: alike_after(seen, album, copy).tolist() for copy in copies_of(seen)}
    who = {key: seen[key] for key in ("name", "family", "role", "thresholds")}
    return [
        who | {"before": before[other], "after": {copy: alike[other] for copy, alike in after.items()}}
        for other in album.others[mine].nonzero().flatten().tolist()
        if all(alike[other] == alike[other] for alike in (before, *after.values()))
    ]
