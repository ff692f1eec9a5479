"""What a worker does with one photo or film: bring it here, see whether it is new, work on it, deliver it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..film.files import CONTAINERS, is_film
from ..model_files.hashes import content_of
from .patience import limited
from .places import REFUSED, below
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
class Made:
    """A result as it was written, by which it is known again."""

    size: int
    hash: str
    stamp: str
    """As its place gives it; while that is the same the file need not be read."""


@dataclass(frozen=True)
class PhotoOutcome:
    """What was done with a photo."""

    content: str
    """SHA-256 of the photo's file."""
    record: Record | None
    """None when the target that was there is still right."""
    made: Made | None = None
    """The file that was written; None when none was."""


@dataclass(frozen=True)
class PhotoSetup:
    """A worker's `Setup`: `make` loads the models."""

    make: Callable[[], Treat]
    out: str
    time_limit: float | None = None
    """Seconds for one photo."""

    def __call__(self) -> Callable[[PhotoTask], PhotoOutcome]:
        out = open_place(self.out)
        out.require()
        treat = self.make()

        def work(task: PhotoTask) -> PhotoOutcome:
            with limited(self.time_limit):
                return treated(task)

        def treated(task: PhotoTask) -> PhotoOutcome:
            with open_place(task.place).fetch(task.key) as source:
                content = content_of(source)
                if content is not None and content == task.done_for:
                    return PhotoOutcome(content, None)
                with out.deliver(task.target) as target:
                    record = treat(source, target, task.target)
                    size, written = target.stat().st_size, content_of(target) or ""
                return PhotoOutcome(content or "", record, Made(size, written, out.stamp(task.target)))

        return work


def target_name(key: str) -> str:
    """A photo keeps its name and format, or becomes PNG when its own can only be read; a film likewise, or MKV."""
    path = PurePosixPath(key)
    if is_film(path) and path.suffix.lower() not in CONTAINERS:
        return str(path.with_suffix(".mkv"))
    return str(path.with_suffix(".png")) if path.suffix.lower() in (".gif", ".avif", *REFUSED) else key
