"""Photos for the verbs: named, read with a face in them, and what there is to say of what is written."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import NoFaceError
from .parser import place_name, text_path

if TYPE_CHECKING:
    from torch import Tensor

    from ..images import Photo
    from ..verdict.report import Report


NAME_ANOTHER = "name another after -o"
"""What to do where a folder that -o named cannot be made."""
_OUTPUTS = ("command", "out", "report", "sheet", "save_veil")
OUT = (
    "the file to write (.png, .jpg, .webp, .tif, .bmp); a name without such an ending is a folder, made when missing. "
    "Several photos need a folder or a URL, and keep their names in it"
)


def add_photos(parser: argparse.ArgumentParser) -> None:
    """Photos in and out, and what is told of them: the same for every verb that writes photos."""
    say = parser.add_argument
    say("photos", nargs="+", metavar="PHOTO", help="photos, folders, globs, or URLs of fsspec")
    say("-o", "--out", type=place_name, required=True, help=OUT)
    say("--report", type=text_path, metavar="FILE.json", help="write the verdict as JSON; of several photos, a list")
    say(
        "--overwrite",
        action="store_true",
        help="in a folder, also replace files that an earlier run into it did not make; never an input",
    )
    say("--keep-metadata", action="store_true", help="keep EXIF, place and camera included")


def several(options: argparse.Namespace) -> bool:
    """Whether a ledger is kept: of one photo that lies here, to lie here, there is nothing to remember."""
    from ..many.sources import is_url, names_many

    return len(options.photos) > 1 or names_many(options.photos[0]) or is_url(options.out)


def inputs_of(options: argparse.Namespace) -> list[Path]:
    """Every file that an option names to be read."""
    values = (value for name, value in vars(options).items() if name not in _OUTPUTS)
    return [Path(entry) for entry in _each(values) if isinstance(entry, str | Path) and os.path.lexists(entry)]


def _each(values: Iterable[object]) -> Iterator[object]:
    for value in values:
        yield from _each(value) if isinstance(value, list | tuple) else [value]


@contextmanager
def naming(what: str, path: Path) -> Iterator[None]:
    """Say in which picture there is no face: several are read, and the message alone could mean any."""
    try:
        yield
    except NoFaceError as error:
        raise NoFaceError(f"In the {what} '{path.name}': {error}") from error


def read_faces(paths: list[Path], device: str, what: str = "gallery photo") -> list[Tensor]:
    """Photos as (1, 3, H, W), refused before any work when one shows no face."""
    from ..faces.find import find_faces
    from ..images import read_photo, to_bchw

    pictures = []
    for path in paths:
        pictures.append(to_bchw(read_photo(path).pixels).to(device))
        with naming(what, path):
            find_faces(pictures[-1], which="largest")
    return pictures


def notes_on(photo: Photo, target: Path, report: Report) -> list[str]:
    """What the written file is not, and what could be better, a line each."""
    from ..verdict.small import small_faces

    notes = [*photo.notes, *small_faces(report.boxes)]
    if target.suffix.lower() in (".jpg", ".jpeg"):
        notes.append(
            f"'{target.name}' is a JPEG, which changes every pixel a little; the figures are of the picture before "
            "that. Write a .png to keep everything outside the faces as it was."
        )
    return notes


def target_of(photo: Path, out: Path, overwrite: bool = False) -> Path:
    """The named file; in a folder, which is made when missing, the photo keeps its name, if that is free there."""
    from ..errors import OutputError
    from ..images import refuse_missing
    from ..many.photos import target_name
    from ..whole import make_folder

    if out.suffix and not out.is_dir():
        return out
    refuse_missing(photo)  # before an empty folder is left behind
    make_folder(out, str(out), NAME_ANOTHER)
    target = out / target_name(photo.name)
    if not overwrite and os.path.lexists(target):
        raise OutputError(
            f"{target} exists already: name the file to write, or say --overwrite if that one may be replaced."
        )
    return target
