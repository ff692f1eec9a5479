"""What Edit Region can draw along, besides the five points: files on this machine. No ComfyUI import."""

from __future__ import annotations

from pathlib import Path

from ...core.errors import InputError
from ...core.model_files.places import model_folders
from ...core.regions.geometry import DLIB, POINTS, OfPicture, geometries
from .keeping import files_in

NONE = "none"


def landmark_files() -> dict[str, Path]:
    """Landmark models by file name: ours, and those in insightface's packs."""
    found = files_in(model_folders("landmarks"), ".onnx")
    for folder in model_folders("insightface"):
        for file in sorted(folder.glob("*/2d106det.onnx")):
            found.setdefault(file.name, file)
    return found


def parser_files() -> dict[str, Path]:
    return files_in(model_folders("parsers"), ".onnx")


def landmark_choices() -> list[str]:
    return [POINTS, DLIB, *landmark_files()]


def parser_choices() -> list[str]:
    return [NONE, *parser_files()]


def outlines(landmarks: str, parser: str) -> OfPicture:
    """What draws regions in a picture, by the names that were chosen."""
    points = landmarks if landmarks in (POINTS, DLIB) else str(_found(landmarks, landmark_files(), "landmarks"))
    return geometries(points, None if parser == NONE else _found(parser, parser_files(), "parsers"))


def outline_files(landmarks: str, parser: str) -> list[Path]:
    """The files that these names stand for; `outlines` says when there is none."""
    files = landmark_files().get(landmarks), parser_files().get(parser)
    return [file for file in files if file is not None]


def _found(name: str, files: dict[str, Path], kind: str) -> Path:
    # Older versions of ComfyUI do not check what a workflow of somebody else's chose.
    if name not in files:
        raise InputError(f"There is no {name} here. Put it into models/faceveil/{kind} and press R, or choose another.")
    return files[name]
