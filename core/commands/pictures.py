"""Photos for the verbs: read with a face in them, and what there is to say of what is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import NoFaceError

if TYPE_CHECKING:
    from torch import Tensor

    from ..images import Photo


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


def notes_on(photo: Photo, target: Path) -> list[str]:
    """What the written file is not, a line each."""
    notes = list(photo.notes)
    if target.suffix.lower() in (".jpg", ".jpeg"):
        notes.append(
            f"'{target.name}' is a JPEG, which changes every pixel a little; the figures are of the picture before "
            "that. Write a .png to keep everything outside the faces as it was."
        )
    return notes
