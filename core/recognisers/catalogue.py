"""What recognisers there are: built in, lying on this machine, or known but not here.

A recogniser is named by a built-in name ("dlib"), an insightface pack ("buffalo_l"), a name of the
literature ("ir152"), the stem of a weights file in a known folder, or a path to a weights file.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import ModelError
from ..places import download_folder, model_folders
from .card import Card, read_card
from .dlib_resnet import CARD as DLIB
from .dlib_resnet import load_dlib
from .literature import PUBLISHED, load_published
from .onnx_file import card_by_name, describe_onnx, load_onnx
from .recogniser import Recogniser

log = logging.getLogger("faceveil")

PACKS = {"buffalo_l": "w600k_r50.onnx", "buffalo_s": "w600k_mbf.onnx", "antelopev2": "glintr100.onnx"}
"""insightface's packs, and the recogniser inside each."""

_NOT_RECOGNISERS = ("det_", "scrfd", "1k3d68", "2d106", "genderage", "inswapper", "retinaface")

_SLIP = 0.75
"""How alike two names are that differ by a slip of the fingers (difflib's ratio); other networks' names are less so."""


@dataclass(frozen=True)
class Entry:
    """A recogniser we know of. `path` is None when it is built in or not on this machine."""

    name: str
    state: str
    """"built in", "installed" or "not here"."""
    path: Path | None = None
    card: Card | None = None

    def as_dict(self) -> dict[str, object]:
        """Flat and JSON-ready, for `faceveil recognisers --json`."""
        card = self.card
        return {
            "name": self.name,
            "state": self.state,
            "path": None if self.path is None else str(self.path),
            "family": card and card.family,
            "input_size": card and card.input_size,
            "thresholds": card.thresholds if card else {},
            "licence": card and card.licence,
            "commercial": card and card.commercial,
            "source": card and card.source,
        }


def calibration_file(name: str, path: Path | None) -> Path:
    """Where measured thresholds are kept: beside the weights, or in the user's folder for a built-in."""
    return path.with_suffix(".json") if path else download_folder("recognisers") / f"{name}.json"


def _with_calibration(card: Card, path: Path | None) -> Card:
    measured = calibration_file(card.name, path)
    if not measured.is_file():
        return card
    found = read_card(measured, name=card.name, input_size=card.input_size, template=card.template)
    return replace(card, thresholds=found.thresholds, tar=found.tar, thresholds_from=found.thresholds_from)


def _files_in(folders: list[Path], suffixes: tuple[str, ...]) -> Iterator[Path]:
    """Weights in folders and up to two folders below: insightface keeps one a pack, and some of its zips hold another
    of the same name."""
    for folder in folders:
        for path in sorted(each for depth in ("*", "*/*", "*/*/*") for each in folder.glob(depth)):
            if path.suffix.lower() in suffixes and not path.name.startswith(_NOT_RECOGNISERS):
                yield path


def entries() -> list[Entry]:
    """Every recogniser known here, the built-in first, those on this machine before those that are not."""
    found = [Entry(DLIB.name, "built in", None, _with_calibration(DLIB, None))]
    folders = [*model_folders("recognisers"), *model_folders("insightface")]
    seen = {DLIB.name}
    for path in _files_in(folders, (".onnx",)):
        name = next((pack for pack, file in PACKS.items() if path.name == file and path.parent.name == pack), path.stem)
        if name not in seen:
            seen.add(name)
            found.append(Entry(name, "installed", path, _describe(path)))
    for name, published in PUBLISHED.items():
        path = _published_file(name)
        found.append(Entry(name, "installed" if path else "not here", path, _with_calibration(published.card, path)))
    found += [
        Entry(pack, "not here", None, card_by_name(file, pack)) for pack, file in PACKS.items() if pack not in seen
    ]
    return sorted(found, key=lambda entry: entry.state == "not here")


def _describe(path: Path) -> Card | None:
    """A file's card, or None when it cannot be had: a listing must not fail over one bad file."""
    try:
        return describe_onnx(path)
    except ModelError:
        return None


def _published_file(name: str) -> Path | None:
    names = {file.lower() for file in PUBLISHED[name].files}
    weights = _files_in(model_folders("recognisers"), (".pth", ".pt", ".safetensors"))
    return next((path for path in weights if path.name.lower() in names), None)


def find(name: str | Path) -> Entry:
    """The recogniser of that name or weights file, or an error that says what to do."""
    path = Path(name)
    if isinstance(name, Path) or path.suffix.lower() in (".onnx", ".pth", ".pt", ".safetensors"):
        if not path.is_file():
            raise ModelError(
                f"There is no weights file at {path}. Check the path, or list what is here with: faceveil recognisers"
            )
        return Entry(path.stem, "installed", path)
    known = entries()
    entry = next((entry for entry in known if entry.name == name), None)
    if entry is None:
        close = difflib.get_close_matches(name, [entry.name for entry in known], 1, _SLIP)
        hint = f" Did you mean '{close[0]}'?" if close else ""
        raise ModelError(f"There is no recogniser called '{name}'.{hint} List them with: faceveil recognisers")
    if entry.state == "not here":
        file = PUBLISHED[name].files[0] if name in PUBLISHED else ""
        how = f"Put {file} into {download_folder('recognisers')}" if file else f"Get it with: faceveil fetch {name}"
        raise ModelError(f"Recogniser '{name}' is not on this machine. {how}")
    return entry


def load_recogniser(name: str | Path) -> Recogniser:
    """Load a recogniser by name or by path to its weights. Never downloads."""
    entry = find(name)
    recogniser = _load_weights(entry)
    recogniser.card = _with_calibration(replace(recogniser.card, name=entry.name), entry.path)
    if recogniser.card.commercial is False:
        log.warning("Recogniser '%s' is for non-commercial use only (%s).", recogniser.name, recogniser.card.licence)
    return recogniser


def _load_weights(entry: Entry) -> Recogniser:
    path = entry.path
    if path is None:
        return load_dlib()
    if path.suffix.lower() == ".onnx":
        return load_onnx(path)
    for name, published in PUBLISHED.items():
        if path.name.lower() in {file.lower() for file in published.files}:
            return load_published(name, path)
    known = ", ".join(file for published in PUBLISHED.values() for file in published.files)
    raise ModelError(f"{path.name} is no weights file we know by its name. Use an .onnx file, or one of: {known}.")
