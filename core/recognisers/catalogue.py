"""What recognisers there are: built in, lying on this machine, or known but not here.

A recogniser is named by a built-in name ("dlib"), an insightface pack ("buffalo_l"), a name of the
literature ("ir152"), the stem of a weights file in a known folder, or a path to a weights file.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from ..errors import InputError, ModelError
from ..model_files.places import download_folder, model_folders
from ..plain import did_you_mean
from .card import Card, read_card
from .dlib_resnet import CARD as DLIB
from .dlib_resnet import load_dlib
from .literature import PUBLISHED, load_published
from .onnx_file import card_by_name, describe_onnx, load_onnx
from .recogniser import Recogniser
from .sface import CARD as SFACE
from .sface import load_sface

log = logging.getLogger("faceveil")

BUILT_IN = {DLIB.name: (DLIB, load_dlib), SFACE.name: (SFACE, load_sface)}
"""What comes with the package: cards and loaders."""

PACKS = {
    "buffalo_l": "w600k_r50.onnx",
    "buffalo_s": "w600k_mbf.onnx",
    "antelopev2": "glintr100.onnx",
    "auraface": "glintr100.onnx",
}
"""Packs as insightface keeps them, a folder each, and the recogniser inside."""

WANTED = ("edgeface_s_gamma_05", "adaface_ir101_webface4m", "cvlface_adaface_vit_base_webface4m")
"""Networks of further families that others publish as weights for torch: exported to ONNX under this name they work."""

_SFACE = "face_recognition_sface_2021dec"
_PUT = "Put {0}.onnx into {1}"

_NOT_RECOGNISERS = ("det_", "scrfd", "1k3d68", "2d106", "genderage", "inswapper", "retinaface")


@dataclass(frozen=True)
class Entry:
    """A recogniser we know of. `path` is None when it is built in or not on this machine."""

    name: str
    state: str
    """"built in", "installed" or "not here"."""
    path: Path | None = None
    known: Card | None = None
    """What is known without opening the file."""
    how: str = ""
    """How to get it, when it is not here."""

    @cached_property
    def card(self) -> Card | None:
        """What it expects and means, or None when its file is damaged: a list must not fail over one bad file."""
        try:
            if self.known is not None:
                return _with_calibration(self.known, self.path)
            return replace(describe_onnx(self.path), name=self.name) if self.path else None
        except ModelError:
            return None

    @property
    def family(self) -> str:
        card = self.card or self.known
        return (card and card.family) or self.name

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
            "how": self.how,
        }


def calibration_file(name: str, path: Path | None) -> Path:
    """Where measured thresholds are kept: beside the weights, or for a built-in in a folder where no weights lie."""
    return path.with_suffix(".json") if path else download_folder("calibrations") / f"{name}.json"


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
    """Every recogniser known here, the built-in first, those on this machine before those that are not.

    No file is opened; an entry's `card` does that when somebody asks.
    """
    found = [Entry(name, "built in", None, card) for name, (card, _) in BUILT_IN.items()]
    seen = set(BUILT_IN)
    for path in _files_in([*model_folders("recognisers"), *model_folders("insightface")], (".onnx",)):
        name = _name_of(path)
        if name not in seen:
            seen.add(name)
            found.append(Entry(name, "installed", path))
    for name, published in PUBLISHED.items():
        if name in seen:  # as an ONNX file, which `find` takes
            continue
        file = _published_file(name)
        how = "" if file else f"Put {published.files[0]} into {download_folder('recognisers')}"
        found.append(Entry(name, "installed" if file else "not here", file, published.card, how))
    found += [entry for entry in absent() if entry.name not in seen]
    return sorted(found, key=lambda entry: entry.state == "not here")


def absent() -> list[Entry]:
    """What others publish and can be put here."""
    fetched = {**{name: Path(name) / file for name, file in PACKS.items()}, _SFACE: Path(f"{_SFACE}.onnx")}
    put = {name: Path(f"{name}.onnx") for name in WANTED}
    hows = {**dict.fromkeys(fetched, "Get it with: faceveil fetch {0}"), **dict.fromkeys(put, _PUT)}
    return [
        Entry(name, "not here", None, card_by_name(file, name), hows[name].format(name, download_folder("recognisers")))
        for name, file in {**fetched, **put}.items()
    ]


def _name_of(path: Path) -> str:
    """What a file goes by: its pack's name, or its own."""
    pack = path.parent.name
    return pack if PACKS.get(pack) == path.name else path.stem


def _published_file(name: str) -> Path | None:
    names = {file.lower() for file in PUBLISHED[name].files}
    weights = _files_in(model_folders("recognisers"), (".pth", ".pt", ".safetensors"))
    return next((path for path in weights if path.name.lower() in names), None)


def find(name: str | Path) -> Entry:
    """The recogniser of that name or weights file, or an error that says what to do."""
    path = Path(name)
    if isinstance(name, Path) or path.suffix.lower() in (".onnx", ".pth", ".pt", ".safetensors"):
        return _of_file(path)
    if name in BUILT_IN:
        return Entry(name, "built in", None, BUILT_IN[name][0])
    known = entries()
    entry = next((entry for entry in known if entry.name == name), None)
    if entry is None:
        hint = did_you_mean(name, (entry.name for entry in known))
        raise ModelError(f"There is no recogniser called '{name}'.{hint} List them with: faceveil recognisers")
    if entry.state == "not here":
        raise ModelError(f"Recogniser '{name}' is not on this machine. {entry.how}")
    return entry


def _of_file(path: Path) -> Entry:
    if not path.is_file():
        raise ModelError(
            f"There is no weights file at {path}. Check the path, or list what is here with: faceveil recognisers"
        )
    if path.stem in BUILT_IN:
        raise ModelError(f"'{path.stem}' is the name of a recogniser that is built in. Rename {path.name} to use it.")
    return Entry(_name_of(path), "installed", path)


def weights_in(analysis: Any) -> Path:
    """The file of the recogniser in insightface's FaceAnalysis: the object gives no gradients, its file does."""
    models = getattr(analysis, "models", None)
    path = getattr(models.get("recognition"), "model_file", None) if isinstance(models, Mapping) else None
    if not path:
        raise InputError("What is connected as insightface's analysis holds no recogniser. Load a pack with one.")
    return Path(path)


@torch.inference_mode(False)  # weights that are read inside of it would never give a gradient
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
        return BUILT_IN[entry.name][1]()
    if path.suffix.lower() == ".onnx":
        return load_onnx(path)
    for name, published in PUBLISHED.items():
        if path.name.lower() in {file.lower() for file in published.files}:
            return load_published(name, path)
    known = ", ".join(file for published in PUBLISHED.values() for file in published.files)
    raise ModelError(f"{path.name} is no weights file we know by its name. Use an .onnx file, or one of: {known}.")
