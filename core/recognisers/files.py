"""Which files decide what a recogniser says."""

from __future__ import annotations

from pathlib import Path

from ..model_files.places import BUNDLED
from .catalogue import calibration_file, find


def files_of(name: str | Path) -> list[Path]:
    """Weights, description and thresholds of a recogniser; of those that may be missing, where they would lie."""
    entry = find(name)
    if entry.path is None:
        return [BUNDLED, calibration_file(entry.name, None)]
    beside = _external(entry.path) if entry.path.suffix.lower() == ".onnx" else []
    return [entry.path, *beside, calibration_file(entry.name, entry.path)]


def _external(path: Path) -> list[Path]:
    """An ONNX file may keep its weights in files beside it; one that cannot be read says so when it is loaded."""
    import onnx

    try:
        graph = onnx.load(str(path), load_external_data=False).graph
    except Exception:
        return []
    notes = (note for tensor in graph.initializer for note in tensor.external_data if note.key == "location")
    return [path.parent / name for name in sorted({note.value for note in notes})]
