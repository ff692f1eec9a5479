"""Where photos lie and where results go: folders, or with fsspec anything that it knows (s3://, memory:// ...)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from ..errors import InputError, OutputError
from ..images import SUFFIXES

PART = re.compile(r"\.faceveil-[0-9a-f]+\.part")
"""What an output is called while it is written (`images.write_photo`)."""

_WILD = re.compile(r"[*?\[]")


class PlaceLost(OutputError):
    """A place that can no longer be read or written: going on would fail for every other photo as well."""


@dataclass(frozen=True)
class Found:
    """A photo that lies in a place."""

    key: str
    """Its path below the place, with slashes."""
    stamp: str
    """Changes when the file does: its size and time, or an object store's own mark."""


class Place(Protocol):
    """A folder somewhere, with everything below it."""

    text: str
    """How a user names it; `open_place` of it is this place again, in any process."""

    def find(self, pattern: str | None = None) -> Iterator[Found]:
        """All photos below, or those that match a glob; hidden files and folders are left out."""

    def fetch(self, key: str) -> AbstractContextManager[Path]:
        """A file of this machine that holds this photo."""

    def deliver(self, key: str) -> AbstractContextManager[Path]:
        """Where to write a file, whole or not at all; when the block is left it is in its place."""

    def prepare(self) -> set[str]:
        """Make the place, throw out what a crash left half-written, and tell which keys are there."""

    def require(self) -> None:
        """In a worker, which may be on another machine: an error when this is not the place that was prepared."""

    def contains(self, other: Place) -> bool:
        """Whether another place is this one or lies below it."""

    def ledger_folder(self) -> Path:
        """A folder of this machine for what is to be remembered about this place."""


@dataclass(frozen=True)
class Source:
    """Photos that one argument names."""

    place: Place
    pattern: str | None = None
    key: str | None = None

    @property
    def recursive(self) -> bool:
        return self.key is None and (self.pattern is None or "**" in self.pattern)

    def photos(self) -> Iterator[Found]:
        return iter([Found(self.key, "")]) if self.key is not None else self.place.find(self.pattern)


def open_place(text: str) -> Place:
    """The place that goes by this name, whether it exists or not."""
    if is_url(text):
        from .remote import Remote

        return Remote(text)
    from .local import Folder

    return Folder(Path(text))


def is_url(text: str) -> bool:
    return re.match(r"[a-z][a-z0-9+.-]+://", text) is not None


def names_many(text: str) -> bool:
    """Whether an argument can stand for more than one photo, or for one that is not a file here."""
    return is_url(text) or _is(Path.is_dir, text) or _is_glob(text)


def source_of(text: str) -> Source:
    """What an argument names: a folder, a glob, or a single photo."""
    if _is_glob(text):
        start = _WILD.search(text).start()
        root, slash, _ = text[:start].rpartition("/")
        return Source(open_place(root + slash if is_url(text) else (root or slash or ".")), text[len(root + slash) :])
    if _is(Path.is_dir, text) or (is_url(text) and PurePosixPath(text).suffix.lower() not in SUFFIXES):
        return Source(open_place(text))
    parent, slash, name = (text if is_url(text) else Path(text).absolute().as_posix()).rpartition("/")
    return Source(open_place(parent + slash), key=name)


def _is_glob(text: str) -> bool:
    """Brackets and question marks are letters like any other when there is a file of that very name."""
    return _WILD.search(text) is not None and (is_url(text) or not _is(Path.exists, text))


def _is(asked: Callable[[Path], bool], text: str) -> bool:
    """What may not be looked at is taken for a single photo: reading it then says what is wrong."""
    try:
        return asked(Path(text))
    except (OSError, ValueError):
        return False


def below(place: str, key: str) -> str:
    """A photo's whole name."""
    return f"{place}{'' if place.endswith('/') else '/'}{key}"


def is_photo(key: str) -> bool:
    parts = PurePosixPath(key).parts
    return PurePosixPath(key).suffix.lower() in SUFFIXES and not any(part.startswith(".") for part in parts)


def refuse_entangled(sources: Iterable[Source], out: Place) -> None:
    """Results among the photos would be taken for photos the next time."""
    for source in sources:
        if source.recursive and source.place.contains(out):
            raise InputError(
                f"The results would lie among the photos: {out.text} is in {source.place.text}. Name another folder."
            )
