"""A film from file to file: watched, searched, dressed, and looked at again as it was written."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..verdict.verify import Witness
from .files import About, frames_of
from .protect import Wardrobe, Worn, dress, find_veils
from .rewrite import rewrite
from .turning import turned
from .verdict import FilmVerdict, judge


@dataclass(frozen=True)
class Finished:
    """A film that was written."""

    frames: int
    worn: list[Worn]
    verdicts: list[FilmVerdict]
    notes: list[str]
    seconds_searching: float
    """Watching it the first time, and the searches."""
    seconds_writing: float


def protect_file(
    source: Path,
    film: About,
    target: Path,
    wardrobe: Wardrobe,
    witnesses: Sequence[Witness],
    far: str,
    which: str | int = "all",
    amount: float = 1.0,
    keep_metadata: bool = False,
    on_watched: Callable[[int], None] = lambda done: None,
    on_written: Callable[[int], None] = lambda done: None,
) -> Finished:
    """`film` is what is known `about` the source; both callbacks are told how many frames are done."""
    started = time.perf_counter()
    worn = find_veils(frames_of(source), wardrobe, which, turned(film.quarters), on_watched)
    searched = time.perf_counter()
    frames = rewrite(source, target, lambda index, frame: dress(index, frame, worn, amount), keep_metadata, on_written)
    written = time.perf_counter()
    verdicts = judge(frames_of(target), worn, witnesses, far, frames) if witnesses else []
    return Finished(frames, worn, verdicts, film.told(frames), searched - started, written - searched)
