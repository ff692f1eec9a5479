"""Options for where a prompt is about, and the mask that comes of them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING

from ..plain import plain
from .pictures import naming

if TYPE_CHECKING:
    from torch import Tensor

    from ..faces.face import Face

POINTS = "points"
"""`geometry.POINTS`, by heart: declaring options must not load what drawing needs."""


def add_masking(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("where the parts of the face are")
    say = group.add_argument
    say(
        "--landmarks",
        default=POINTS,
        metavar="points|dlib68|FILE.onnx",
        help="draw regions from the five points (default), along dlib's 68, or along the 106 of InsightFace's "
        "2d106det.onnx",
    )
    say("--parser", type=Path, metavar="FILE.onnx", help="a face parser (BiSeNet, 19 parts); it also knows hair")
    say(
        "--sentences",
        type=Path,
        metavar="FOLDER",
        help="a small text model, which finds the part when no word names it (default: one in ~/.faceveil/models/"
        "sentences, if any)",
    )


def refuse_words(mask: Path | None, instead: str) -> None:
    """A part of the face by its name, where a picture is expected; `instead` is what to say, {} being the names."""
    from ..errors import InputError
    from ..regions.named import regions_in

    # A suffix is a file's that is missing.
    if mask is not None and not mask.suffix and not mask.exists() and (names := regions_in(mask.name)):
        raise InputError(f"--mask takes a picture, and '{plain(mask.name)}' is none: {instead.format(join(names))}")


def part_named(options: argparse.Namespace, words: str) -> list[str]:
    """The regions that words are about, by what they say or else by what they mean."""
    from ..regions.named import regions_in
    from ..regions.sentences import regions_for, sentence_model

    if regions_in(words):
        return regions_for(words, None)
    return regions_for(words, sentence_model(options.sentences))


def drawn(options: argparse.Namespace, image: Tensor, photo: Path, regions: Sequence[str]) -> tuple[Tensor, list[Face]]:
    """The mask of these regions on every chosen face, and the faces."""
    from ..faces.find import find_faces
    from ..regions.geometry import geometries
    from ..regions.named import region_mask

    of_picture = geometries(options.landmarks, options.parser)
    with naming("photo", photo):
        found = find_faces(image, which=options.faces, detector=options.detector)
    height, width = image.shape[-2:]
    return region_mask(found, regions, height, width, geometries=of_picture(image)), found
