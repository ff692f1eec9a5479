"""A film from file to file: watched, searched, dressed, and looked at again as it was written."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ..verdict.verify import Witness
from .files import About, frames_of
from .kept import kept
from .protect import Wardrobe, dress, find_veils, keys_again, veils_of
from .rewrite import rewrite
from .turning import turned
from .verdict import FilmVerdict, judge, networks_of
from .worn import Worn

SCHEMA = 1
"""Of the JSON: another number when a key goes or means something else, the same when one is added."""


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

    @property
    def _deciding(self) -> list[FilmVerdict]:
        """Whose word counts: judges, or where there are none those that it was protected against."""
        return [each for each in self.verdicts if each.role == "judge"] or self.verdicts

    @property
    def protected(self) -> bool:
        """Nobody whose word counts matches any frame that was looked at, nor the mean of all."""
        return bool(self.verdicts) and not any(max(each.closest, each.mean) > each.threshold for each in self._deciding)

    @property
    def margin(self) -> float | None:
        """By how much the closest similarity exceeds its threshold."""
        return max((each.closest - each.threshold for each in self._deciding), default=None)

    def as_dict(self) -> dict[str, object]:
        """JSON-ready, as docs/film.schema.json says."""
        return {
            "schema": SCHEMA,
            "frames": self.frames,
            "people_and_shots": len(self.worn),
            "veils": len(veils_of(self.worn)),
            "seconds_watching_and_searching": self.seconds_searching,
            "seconds_dressing": self.seconds_writing,
            "protected": self.protected,
            "verdicts": [asdict(each) for each in self.verdicts],
        }


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
    for recogniser in networks_of(witnesses):  # whoever has no threshold says so now, and not when all is written
        recogniser.threshold(far)
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
    return Finished(frames, worn, verdicts, film.notes_after(frames), searched - started, written - searched)
