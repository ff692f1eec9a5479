"""When a node that reads files has to read them again. No ComfyUI import."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..core.recognisers.automatic import expand
from ..core.recognisers.catalogue import calibration_file, find


def stamp(files: Iterable[Path]) -> str:
    """Another text once one of these files is another: ComfyUI keeps what a node gave until this changes."""
    return repr([(str(file), _state(file)) for file in files])


def recogniser_stamp(name: str) -> str:
    """The stamp of weights and of thresholds, which `faceveil calibrate` writes; "auto" stands for several."""
    found = [find(one) for one in expand([name])]
    weights = [entry.path for entry in found if entry.path is not None]
    return stamp([*weights, *(calibration_file(entry.name, entry.path) for entry in found)])


def _state(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size
