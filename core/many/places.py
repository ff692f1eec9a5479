"""What a place is, where photos lie or results go: a folder, or with fsspec anything that it knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from ..errors import OutputError
from ..film.files import is_film
from ..images import SUFFIXES


class PlaceLost(OutputError):
    """A place that can no longer be read or written: going on would fail for every other photo as well."""


@dataclass(frozen=True)
class Found:
    """A photo or a film that lies in a place."""

    key: str
    """Its path below the place, with slashes."""
    stamp: str
    """As `Place.stamp` gives it."""


class Place(Protocol):
    """A folder somewhere, with everything below it."""

    text: str
    """How a user names it; `open_place` of it is this place again, in any process."""

    def find(self, pattern: str | None = None) -> Iterator[Found]:
        """All photos and films below, or those that match a glob; hidden files and folders are left out."""

    def fetch(self, key: str) -> AbstractContextManager[Path]:
        """A file of this machine that holds this photo."""

    def deliver(self, key: str) -> AbstractContextManager[Path]:
        """Where to write a file, whole or not at all; when the block is left it is in its place."""

    def prepare(self) -> None:
        """Make the place; an error when nothing can be written there."""

    def stamp(self, key: str) -> str:
        """Of a file that is there: changes when the file does; its size and time, or an object store's own mark."""

    def sweep(self) -> dict[str, str]:
        """Throw out what a crash left half-written, and tell which keys are there, with their stamps."""

    def require(self) -> None:
        """In a worker, which may be on another machine: an error when this is not the place that was prepared."""

    def contains(self, other: Place) -> bool:
        """Whether another place is this one or lies below it."""

    def local(self, key: str = "") -> Path | None:
        """The file of this machine that goes by this key, whether there is one or not; None for a place elsewhere."""

    def ledger_folder(self) -> Path:
        """A folder of this machine for what is to be remembered about this place."""


def below(place: str, key: str) -> str:
    """A photo's whole name."""
    return f"{place}{'' if place.endswith('/') else '/'}{key}"


REFUSED = (".heic", ".heif")
"""Photos that cannot be read: in an album each is told of, and not left out without a word."""


def is_ours(key: str) -> bool:
    """Whether a name is that of a photo or a film, and nothing of it is hidden."""
    path = PurePosixPath(key)
    photo = path.suffix.lower() in (*SUFFIXES, *REFUSED)
    return (photo or is_film(path)) and not any(part.startswith(".") for part in path.parts)
