"""What a run never writes over: what was named as an input, and what lies in OUT without being its own work."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..errors import OutputError
from .ledger import DONE, Known
from .photos import PhotoTask
from .places import Place, below


class Inputs:
    """Files that somebody named, or that were found where he said: known by what they are, not by one of their names.

    A link, another spelling and a disk that does not tell A.png from a.png all lead to the same file.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._files: set[tuple[int, int]] = set()
        self._names: set[str] = set()
        for path in paths:
            self._names.add(os.path.realpath(path))
            identity = _identity(path)
            if identity:
                self._files.add(identity)

    def __contains__(self, path: Path) -> bool:
        return _identity(path) in self._files or os.path.realpath(path) in self._names


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        about = path.stat()
    except (OSError, ValueError):
        return None
    return about.st_dev, about.st_ino


def refuse_lost(
    tasks: Iterable[PhotoTask],
    out: Place,
    known: Mapping[str, Known],
    present: Iterable[str],
    inputs: Inputs,
    beside: Mapping[str, Path],
    overwrite: bool,
) -> None:
    """Refuse before any work what would be lost: an input always, somebody else's file unless that is meant.

    `beside` are further files that the tasks write, by target.
    """
    there, foreign = set(present), []
    for task in tasks:
        files = {below(out.text, task.target): out.local(task.target)}
        if task.target in beside:
            files[str(beside[task.target])] = beside[task.target]
        ours = _made_here(known.get(task.target))
        for name, path in files.items():
            if path is not None and path in inputs:
                raise OutputError(f"{name} is an original photo or another input, which is never overwritten.")
            exists = task.target in there if path is None else os.path.lexists(path)
            if exists and not ours:
                foreign.append(name)
    if foreign and not overwrite:
        more = f" (and {len(foreign) - 1} more)" if len(foreign) > 1 else ""
        raise OutputError(
            f"{foreign[0]}{more} exists already and was not made by an earlier run into this folder, so nothing was "
            "done: name another folder, or say --overwrite if it may be replaced."
        )


def _made_here(row: Known | None) -> bool:
    """Whether what lies there may be an earlier run's: one that died may have written it without saying so."""
    return row is not None and (row.state == DONE or row.attempts > 0)
