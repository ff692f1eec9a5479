"""`protect` and `edit` of many photos: folders, globs and URLs, side by side, on one machine or on a Ray cluster."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ..errors import FaceVeilError, OutputError
from .judging import refuse_services_for
from .options import progress_bar, refuse_overwriting
from .parser import count, job_count, seconds
from .pictures import inputs_of
from .settings import settings_of
from .telling import tell, warn
from .written import text_file

if TYPE_CHECKING:
    from ..film.run import Finished
    from ..many.photos import PhotoTask, Record, Treat
    from ..many.run import Summary
    from ..many.workers import Setup, Workers
    from ..methods.guard import GuardRecipe
    from ..search.recipe import Recipe
    from ..verdict.report import Report

    Work = Callable[[Path, Path, Path | None], tuple[Report | Finished | None, list[str]]]
    """A photo or film from file to file, with its sheet: the verdict, if anything was protected, and notes."""

MEMORY = 1.5e9
"""What a worker with the default strength may need, generously, in bytes (docs/MANY.md)."""


def add_many(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("many photos (see also: faceveil status)")
    say = group.add_argument
    say(
        "--jobs",
        type=job_count,
        metavar="N|auto",
        help="photos side by side, each on its own cores or graphics card (default: 1, with --ray all that there are)",
    )
    say("--ray", metavar="auto|local|ADDRESS", help="work on a Ray cluster: a running one, one of this machine alone")
    say(
        "--retries",
        type=count,
        default=2,
        metavar="N",
        help="how often to try a photo again whose worker died (default: 2)",
    )
    say(
        "--time-limit",
        type=seconds,
        default=3600.0,
        metavar="SECONDS",
        help="give up a photo of several that takes longer (default: 3600)",
    )


def treat_many(
    options: argparse.Namespace,
    load: Callable[[argparse.Namespace], Work],
    recipe: Recipe | GuardRecipe | None,
) -> int:
    """Everything that is not done yet, by what `load` makes; a photo that fails is named, and the rest go on."""
    from ..many.places import is_ours
    from ..many.run import Order, run
    from ..many.sources import is_url, refuse_among, source_of

    if not is_url(options.out) and is_ours(Path(options.out).name) and not Path(options.out).is_dir():
        raise OutputError(f"Several photos need a folder, so --out must be a folder; {options.out} looks like a file.")
    refuse_services_for(options, "folders or several photos")
    inputs = inputs_of(options)
    refuse_overwriting([options.report], inputs)
    refuse_among(map(source_of, options.photos), [path for path in (options.sheet, options.report) if path])
    order = Order(
        tuple(options.photos),
        options.out,
        MakeTreat(options, load, str(Path.cwd())),
        settings_of(options, recipe),
        options.retries,
        options.time_limit,
        (*inputs, *([options.report] if options.report else [])),
        partial(sheet_of, options.sheet),
        options.overwrite,
        films=options.command == "protect",
    )
    with progress_bar("photo") as bar:

        def show(now: Summary) -> None:
            bar(now.done + now.failed, now.total - now.skipped, failed=str(now.failed))

        def name(task: PhotoTask, reason: str) -> None:
            warn(f"faceveil: {reason}" if task.key in reason else f"faceveil: {task.key}: {reason}")

        try:
            summary = run(order, pick_workers(options), show, name)
        finally:
            if options.report:
                _write_report(options)
    before = f", {summary.skipped} were done before" if summary.skipped else ""
    what = "photos and films" if summary.films else "photos"
    tell(f"{summary.total} {what}: {summary.done} done{before}. Verdicts: faceveil status {options.out}")
    if summary.left:
        tell(f"note: films are left as they are, which only protect takes: {summary.left}.")
    if summary.failed:
        warn(f"faceveil: {summary.failed} of {summary.total} {what} failed; the others are done.")
    return 2 if summary.failed else 0


@dataclass(frozen=True)
class MakeTreat:
    """Loads what `options` name, in whichever process works."""

    options: argparse.Namespace
    load: Callable[[argparse.Namespace], Work]
    folder: str
    """Where files that are named by a relative path lie; a cluster's workers start elsewhere."""

    def __call__(self) -> Treat:
        if Path(self.folder).is_dir():
            os.chdir(self.folder)
        work = self.load(self.options)

        def treat(source: Path, target: Path, key: str) -> Record:
            from ..many.figures import figures_of
            from ..verdict.report import Report
            from ..verdict.small import small_faces

            sheet = sheet_of(self.options.sheet, key)
            if sheet:
                sheet.parent.mkdir(parents=True, exist_ok=True)
            report, notes = work(source, target, sheet)
            if isinstance(report, Report):
                small = small_faces(report.boxes)
                warn(*(f"faceveil: {key}: {sentence}" for sentence in small))
            figures, verdict = (figures_of(report), report.as_dict()) if report else ({}, {})
            return {**figures, "report": json.dumps({**verdict, "notes": notes})}

        return treat


def sheet_of(sheet: Path | None, key: str) -> Path | None:
    """A photo's own sheet: FILE-NAME.png, in folders like the photo's."""
    if sheet is None:
        return None
    photo = PurePosixPath(key)
    return sheet.parent / photo.parent / f"{sheet.stem}-{photo.stem}-{photo.suffix[1:]}{sheet.suffix}"


def pick_workers(options: argparse.Namespace) -> Callable[[Setup], Workers]:
    """Who does the work. One job is the process itself, without a second copy of the models."""
    from ..many.workers import Here

    jobs = options.jobs
    if options.ray:
        from ..many.actors import Actors

        on_gpus = None if options.device == "auto" else options.device.startswith("cuda")
        return partial(Actors, address=options.ray, jobs=None if jobs == "auto" else jobs, on_gpus=on_gpus)
    from ..many.processes import Processes, seats

    cards = _cards() if options.device in ("auto", "cuda") else 0
    if jobs == "auto":
        # A device that is named is one device, whoever else is there.
        jobs = cards or (fitting_jobs() if options.device in ("auto", "cpu") else 1)
    if jobs in (None, 1):
        return Here
    return partial(Processes, seats=seats(jobs, cards), time_limit=options.time_limit)


def _cards() -> int:
    import torch

    return torch.cuda.device_count()


def fitting_jobs() -> int:
    """One a core, unless memory is short; where the system does not tell, one a core."""
    from ..devices import free_memory

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = free_memory()
    return cores if memory is None else max(min(cores, int(memory / MEMORY)), 1)


def _write_report(options: argparse.Namespace) -> None:
    """All verdicts as one list, entry by entry: a hundred thousand of them need not be in memory."""
    from ..many.ledger import Ledger
    from ..many.run import reports
    from ..many.sources import open_place

    try:
        ledger = Ledger(open_place(options.out).ledger_folder())
    except FaceVeilError:
        return  # there was no run: why not is being told already
    with closing(ledger), text_file(options.report) as file:
        separator = "[\n"
        for entry in reports(ledger):
            file.write(separator + json.dumps(entry))
            separator = ",\n"
        file.write("\n]\n" if separator != "[\n" else "[]\n")
