"""What an argument names: a folder, a glob, a photo or film, here or at an address of fsspec (s3://, memory:// ...)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from ..errors import InputError
from .local import Folder
from .places import Found, Place, is_ours

_WILD = re.compile(r"[*?\[]")


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

    def takes(self, path: Path) -> bool:
        """Whether a file of such a name would be a photo of this source, for a pattern by its last part."""
        if self.key is not None or not is_ours(path.name):
            return False
        folder = Folder(path.parent)
        within = self.place.contains(folder) if self.recursive else self.place.text == folder.text
        return within and fnmatch(path.name, PurePosixPath(self.pattern or "*").name)


def open_place(text: str) -> Place:
    """The place that goes by this name, whether it exists or not."""
    if is_url(text):
        from .remote import Remote

        return Remote(text)
    return Folder(Path(text))


def is_url(text: str) -> bool:
    return re.match(r"[a-z][a-z0-9+.-]+://", text) is not None


def names_many(text: str) -> bool:
    """Whether an argument can stand for more than one photo, or for one that is not a file here."""
    return is_url(text) or _is(Path.is_dir, text) or _is_glob(text)


def source_of(text: str) -> Source:
    """What an argument names: a folder, a glob, or a single photo."""
    wild = _WILD.search(text)
    if wild and _is_glob(text):
        root, slash, _ = text[: wild.start()].rpartition("/")
        return Source(open_place(root + slash if is_url(text) else (root or slash or ".")), text[len(root + slash) :])
    if _is(Path.is_dir, text) or (is_url(text) and not is_ours(PurePosixPath(text).name)):
        return Source(open_place(text))
    parent, slash, name = (text if is_url(text) else Path(text).absolute().as_posix()).rpartition("/")
    return Source(open_place(parent + slash), key=name)


def _is_glob(text: str) -> bool:
    """Brackets and question marks are letters like any other when there is a file of that very name."""
    return _WILD.search(text) is not None and (is_url(text) or not _is(Path.exists, text))


def _is(test: Callable[[Path], bool], text: str) -> bool:
    """What may not be looked at is taken for a single photo: reading it then says what is wrong."""
    try:
        return test(Path(text))
    except (OSError, ValueError):
        return False


def refuse_entangled(sources: Iterable[Source], out: Place) -> None:
    """Results among the photos would be taken for photos the next time."""
    for source in sources:
        if source.recursive and source.place.contains(out):
            raise InputError(
                f"The results would lie among the photos: {out.text} is in {source.place.text}. Name another folder."
            )


def refuse_among(sources: Iterable[Source], paths: Iterable[Path]) -> None:
    """A sheet among the photos would be taken for one of them the next time, and a report may be written over one."""
    for source in sources:
        for path in filter(source.takes, paths):
            raise InputError(f"{path} would lie among the photos of {source.place.text}. Name another folder.")
