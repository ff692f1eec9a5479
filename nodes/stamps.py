"""When a node that reads files has to read them again. No ComfyUI import."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..core.recognisers.catalogue import calibration_file, find


def stamp(files: Iterable[Path]) -> str:
    """Another text once one of these files is another: ComfyUI keeps what a node gave until this changes."""
    return repr([(str(file), _state(file)) for file in files])


def recogniser_stamp(name: str) -> str:
    """The stamp of a recogniser's weights and of its thresholds, which `faceveil calibrate` writes."""
    entry = find(name)
    weights = [] if entry.path is None else [entry.path]
    return stamp([*weights, calibration_file(entry.name, entry.path)])


def _state(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size
