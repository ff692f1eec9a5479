"""What a worker does with one photo: bring it here, see whether it is new, work on it, deliver it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from .places import below
from .sources import open_place

Record = Mapping[str, object]
"""What is to be remembered of a photo: columns of the ledger."""
Treat = Callable[[Path, Path, str], Record]
"""Makes one file of another, whole or not at all; the third is the key of the result in OUT."""


@dataclass(frozen=True, slots=True)
class PhotoTask:
    """One photo of a run."""

    place: str
    key: str
    target: str
    done_for: str | None = None
    """The content's hash for which the target that is there was made, with these very settings."""

    @property
    def source(self) -> str:
        return below(self.place, self.key)


@dataclass(frozen=True)
class PhotoOutcome:
    """What was done with a photo."""

    content: str
    """SHA-256 of the photo's file."""
    record: Record | None
    """None when the target that was there is still right."""


@dataclass(frozen=True)
class PhotoSetup:
    """A worker's `Setup`: `make` loads the models."""

    make: Callable[[], Treat]
    out: str

    def __call__(self) -> Callable[[PhotoTask], PhotoOutcome]:
        out = open_place(self.out)
        out.require()
        treat = self.make()

        def work(task: PhotoTask) -> PhotoOutcome:
            with open_place(task.place).fetch(task.key) as source:
                content = content_of(source)
                if content is not None and content == task.done_for:
                    return PhotoOutcome(content, None)
                with out.deliver(task.target) as target:
                    return PhotoOutcome(content or "", treat(source, target, task.target))

        return work


def content_of(path: Path) -> str | None:
    """None for a file that cannot be read: what is wrong with it, reading it as a photo tells in better words."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def target_name(key: str) -> str:
    """A photo keeps its name and format, or becomes PNG when its own can only be read."""
    path = PurePosixPath(key)
    return str(path.with_suffix(".png")) if path.suffix.lower() in (".gif", ".avif") else key
