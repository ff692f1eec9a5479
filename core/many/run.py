"""A run over many photos: find them, leave out what is done, hand out the rest, write down what became of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..errors import InputError, OutputError
from ..film.files import is_film
from ..model_files.hashes import content_of
from ..version import version
from .ledger import DONE, FAILED, Known, Ledger, as_columns
from .photos import PhotoOutcome, PhotoSetup, PhotoTask, Treat, target_name
from .places import Found, Place, PlaceLost, below
from .sources import Source, open_place, refuse_entangled, source_of
from .sparing import Inputs, refuse_lost
from .workers import Finished, Setup, Workers, dispatch


@dataclass(frozen=True)
class Order:
    """What is to be done."""

    photos: tuple[str, ...]
    """Folders, globs, files, URLs."""
    out: str
    make: Callable[[], Treat]
    """Loads the models in a worker; what it gives treats one photo."""
    settings: str
    """A hash of everything that makes a difference to a result."""
    retries: int = 2
    """How often a photo whose worker was lost is tried again."""
    time_limit: float | None = None
    """Seconds after which a photo is given up."""
    inputs: tuple[Path, ...] = ()
    """Files besides the photos that are read, or written by somebody else: never a target."""
    beside: Callable[[str], Path | None] = lambda target: None
    """What else a photo's work writes, by its target."""
    overwrite: bool = False
    """Whether a file that an earlier run did not make may be replaced."""
    films: bool = True
    """Whether films are treated too; otherwise they are left as they are."""


@dataclass
class Summary:
    """How a run went."""

    total: int = 0
    skipped: int = 0
    """Already done by an earlier run."""
    done: int = 0
    failed: int = 0
    films: int = 0
    """How many of all are films."""
    left: int = 0
    """Films that lie among the photos of work that takes none."""


def run(
    order: Order,
    hire: Callable[[Setup], Workers],
    on_step: Callable[[Summary], None] = lambda summary: None,
    on_failure: Callable[[PhotoTask, str], None] = lambda task, reason: None,
) -> Summary:
    """Do what is not done. May be stopped at any moment, in any way, and started again."""
    sources, out = [source_of(text) for text in order.photos], open_place(order.out)
    refuse_entangled(sources, out)
    found, left = _targets(sources, out, order.films)
    with closing(Ledger(out.ledger_folder(), for_writing=True)) as ledger:
        out.prepare()
        known, present = ledger.known(), out.sweep()
        _refuse_lost(order, sources, found, out, known, present)
        intact = _Intact(out, ledger, present)
        todo = _todo(found, known, intact, order.settings)
        ledger.expect((task.target, task.source, stamp, order.settings, tries) for task, stamp, tries in todo)
        films = sum(is_film(task.key) for task, _ in found)
        summary = Summary(total=len(found), skipped=len(found) - len(todo), films=films, left=left)
        on_step(summary)
        if not todo:
            return summary
        tasks = [task for task, _, _ in todo]
        with closing(hire(PhotoSetup(order.make, out.text, order.time_limit))) as workers:
            for ended in dispatch(workers, tasks, order.retries, lambda task: ledger.begin(task.target)):
                reason = _write_down(ledger, ended)
                summary.done += reason is None
                summary.failed += reason is not None
                if reason is not None:
                    on_failure(ended.item, reason)
                on_step(summary)
        out.sweep()  # of what a worker of this run left that died while it wrote
    return summary


def _targets(sources: Iterable[Source], out: Place, films: bool) -> tuple[list[tuple[PhotoTask, Found]], int]:
    """Every photo with where it goes, and how many films are left out; an error when two would go to the same place, or
    one over an original."""
    taken: dict[str, PhotoTask] = {}
    left = 0
    found: list[tuple[PhotoTask, Found]] = []
    for source in sources:
        for photo in source.photos():
            if not films and is_film(photo.key):
                left += 1
                continue
            task = PhotoTask(source.place.text, photo.key, target_name(photo.key))
            if any(part in ("", ".", "..") for part in photo.key.split("/")):
                raise InputError(f"'{task.source}' has a name that no folder can hold: rename it.")
            other = taken.setdefault(task.target.casefold(), task)  # many disks do not tell A.png from a.png
            if other is task:
                found.append((task, photo))
            elif other.source != task.source:
                raise InputError(
                    f"{other.source} and {task.source} would both be written to {below(out.text, task.target)}. "
                    "Rename one, or use two folders."
                )
    if not found:
        but = f" ({left} films, which only protect takes)" if left else ""
        raise InputError(f"There are no photos in {', '.join(source.place.text for source in sources)}{but}.")
    originals = {task.source for task, _ in found}
    for task, _ in found:
        if below(out.text, task.target) in originals:
            raise OutputError(f"{below(out.text, task.target)} is an original photo, which is never overwritten.")
    return found, left


def _refuse_lost(
    order: Order,
    sources: Sequence[Source],
    found: Sequence[tuple[PhotoTask, Found]],
    out: Place,
    known: dict[str, Known],
    present: Iterable[str],
) -> None:
    tasks = [task for task, _ in found]
    places = {source.place.text: source.place for source in sources}
    photos = (places[task.place].local(task.key) for task in tasks)
    also = {task.target: path for task in tasks if (path := order.beside(task.target)) is not None}
    inputs = Inputs([*(path for path in photos if path is not None), *order.inputs])
    refuse_lost(tasks, out, known, present, inputs, also, order.overwrite)


def _todo(
    found: Iterable[tuple[PhotoTask, Found]],
    known: dict[str, Known],
    intact: Callable[[str, Known], bool],
    settings: str,
) -> list[tuple[PhotoTask, str, int]]:
    """(photo, stamp, tries so far) of what is not done; those that were begun most often and never ended come last."""
    todo = []
    for task, photo in found:
        row, tries = known.get(task.target), 0
        if row is not None and row.settings == settings:
            if row.state != DONE:
                tries = row.attempts
            elif intact(task.target, row):
                if photo.stamp and (row.stamp, row.source) == (photo.stamp, task.source):
                    continue
                task = PhotoTask(task.place, task.key, task.target, row.content)
        todo.append((task, photo.stamp, tries))
    return sorted(todo, key=lambda entry: entry[2])


@dataclass(frozen=True)
class _Intact:
    """Whether a result is still what was written: by its stamp, or where that is another by what the file holds."""

    out: Place
    ledger: Ledger
    present: dict[str, str]

    def __call__(self, target: str, row: Known) -> bool:
        stamp = self.present.get(target)
        if stamp is None or row.made is None:
            return False
        if stamp == row.made_stamp:
            return True
        with self.out.fetch(target) as path:
            same = content_of(path) == row.made
        if same:
            self.ledger.restamp(target, stamp)
        return same


def _write_down(ledger: Ledger, ended: Finished[PhotoTask]) -> str | None:
    """The reason of a failure, in one line; a place that is gone ends the run instead."""
    task, error = ended.item, ended.error
    if isinstance(error, PlaceLost):
        raise error
    if error is None:
        outcome = ended.value
        assert isinstance(outcome, PhotoOutcome)
        if outcome.record is None:
            ledger.confirm(task.target, content=outcome.content)
            return None
        values = outcome.record
        if outcome.made is not None:
            made = {"made_size": outcome.made.size, "made": outcome.made.hash, "made_stamp": outcome.made.stamp}
            values = {**values, **made, "version": version()}
        ledger.finish(task.target, state=DONE, content=outcome.content, reason=None, seconds=ended.seconds, **values)
        return None
    reason = str(error).strip().splitlines()[-1]
    ledger.finish(task.target, state=FAILED, reason=str(error), seconds=ended.seconds, report=None, **as_columns({}))
    return reason


def reports(ledger: Ledger) -> Iterable[dict[str, object]]:
    """The verdict of everything that ended, or why there is none."""
    for source, report, reason in ledger.reports():
        yield {"photo": PurePosixPath(source).name} | (report or {"error": reason})
