"""A film from file to file: watched, searched, dressed, and looked at again as it was written."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..verdict.verify import Witness
from .files import About, frames_of
from .kept import kept
from .protect import Wardrobe, Worn, dress, find_veils, keys_again
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
    """Watching it the first time, and the searches; what an earlier run did does not count."""
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
    detector: str = "auto",
    device: str = "cpu",
    settings: str | None = None,
) -> Finished:
    """`film` is what is known `about` the source; both callbacks are told how many frames are done.

    `settings` is a hash of all that makes a difference: stopped, the work goes on from there when it is the same again.
    """
    with kept(target, settings) as finished:
        started = time.perf_counter()
        if finished.frames is None:
            looks = turned(film.quarters, detector)
            worn = find_veils(frames_of(source, device), wardrobe, which, looks, on_watched, finished)
        else:
            worn = finished.worn
        searched = time.perf_counter()
        frames = rewrite(
            source,
            target,
            lambda index, frame: dress(index, frame, worn, amount),
            keep_metadata,
            on_written,
            finished.folder,
            device,
        )
        written, verdicts = time.perf_counter(), []
        if witnesses:
            keys_again(frames_of(source, device), worn)
            verdicts = judge(frames_of(target, device), worn, witnesses, far, frames, detector)
    return Finished(frames, worn, verdicts, film.told(frames), searched - started, written - searched)
