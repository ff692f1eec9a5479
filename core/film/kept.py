"""What is finished of a film, in a hidden folder beside its target, from which a run that was stopped goes on.

Kept are the veils that were found, where they are worn, and parts of the picture that were written; no picture of a
face as it was, and no embedding.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch

from ..errors import FaceVeilError, InputError, OutputError, Unread
from ..faces.face import Face
from ..plain import plain
from ..scratch import LOCK, lock, scratch
from ..veil.files import SUFFIX, load_veil, save_veil
from ..veil.veil import Veil
from ..whole import whole
from .track import Course
from .worn import Worn

log = logging.getLogger("faceveil")
_PREFIX = ".faceveil-film-"
_SETTINGS, _WATCHED = "settings", "watched"


@dataclass
class Kept:
    """Shots that were watched, with the veils that were found for them."""

    folder: Path
    worn: list[Worn] = field(default_factory=list)
    next_frame: int = 0
    """Where the first shot begins that was not watched yet."""
    frames: int | None = None
    """How many the film has, once all of it was watched."""
    _veils: list[Veil] = field(default_factory=list)
    _shots: int = 0

    @property
    def veils(self) -> list[Veil]:
        return list(self._veils)

    def keep_shot(self, worn: Sequence[Worn], next_frame: int) -> None:
        """A shot is over, in which this is worn."""
        from safetensors.torch import save_file

        tensors, entries = {}, []
        for index, each in enumerate(worn):
            tensors[f"course.{index}"] = each.course.places.contiguous()
            key_faces = [[frame, *face.box, *face.points.flatten().tolist()] for frame, face in each.key_faces]
            tensors[f"places.{index}"] = torch.tensor(key_faces, dtype=torch.float64)
            entries.append({"first": each.course.first, "veil": self._number(each.veil)})
        data = {"next": next_frame, "worn": entries}
        with _writing(self._shot(self._shots)) as part:
            save_file(tensors, part, {"faceveil": json.dumps(data)})
        self._shots, self.next_frame = self._shots + 1, next_frame
        self.worn += worn

    def keep_end(self, frames: int) -> None:
        """All of the film was watched."""
        with _writing(self.folder / _WATCHED) as part:
            part.write_text(str(frames))
        self.frames = frames

    def read(self) -> None:
        """What an earlier run kept."""
        while (path := self._shot(self._shots)).exists():
            self._read_shot(path)
            self._shots += 1
        watched = self.folder / _WATCHED
        self.frames = int(watched.read_text()) if watched.exists() else None

    def _read_shot(self, path: Path) -> None:
        from safetensors import safe_open

        with safe_open(path, "pt") as stored:
            data = json.loads(stored.metadata()["faceveil"])
            for index, entry in enumerate(data["worn"]):
                course = Course(entry["first"], stored.get_tensor(f"course.{index}"))
                key_faces = [(int(row[0]), _face(row[1:])) for row in stored.get_tensor(f"places.{index}")]
                while len(self._veils) <= entry["veil"]:
                    self._veils.append(load_veil(self._veil(len(self._veils))))
                self.worn.append(Worn(course, self._veils[entry["veil"]], key_faces))
        self.next_frame = data["next"]

    def _number(self, veil: Veil) -> int:
        for number, known in enumerate(self._veils):
            if known is veil:
                return number
        save_veil(veil, self._veil(len(self._veils)))
        self._veils.append(veil)
        return len(self._veils) - 1

    def _shot(self, number: int) -> Path:
        return self.folder / f"shot-{number:06}.safetensors"

    def _veil(self, number: int) -> Path:
        return self.folder / f"{number:06}{SUFFIX}"


@contextmanager
def _writing(path: Path) -> Iterator[Path]:
    """A file of the folder, whole or not at all; a full disk is one sentence."""
    from safetensors import SafetensorError

    try:
        with whole(path) as part:
            yield part
    except (SafetensorError, OSError) as error:
        raise OutputError(f"What was found in the film cannot be kept ({error}): make room.") from error


def _face(row: torch.Tensor) -> Face:
    return Face(tuple(row[:4].tolist()), row[4:].float().view(5, 2))


@contextmanager
def kept(target: Path, settings: str | None) -> Iterator[Kept]:
    """What an earlier run with the same `settings` kept of this film, and where to keep more; gone when the block ends
    well. Without settings nothing outlives the block."""
    if settings is None:
        with scratch(target.parent) as folder:
            yield Kept(folder)
        return
    name = hashlib.sha256(target.name.encode(errors="surrogateescape")).hexdigest()[:16]
    folder = target.parent / f"{_PREFIX}{name}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise OutputError(f"Nothing can be kept beside '{plain(target.name)}' ({error.strerror}).") from error
    held = None if folder.is_symlink() else lock(folder)
    if held is None:
        raise OutputError(f"'{plain(target.name)}' is being written by another run: wait for it, or take another name.")
    over, found = False, None
    try:
        found = _earlier(folder, settings)
        yield found
        over = True
    except Unread:
        raise
    except InputError:  # it would be the same the next time, so nothing is kept for it
        over = True
        raise
    finally:
        # Before it is let go: somebody else may take it from then on.
        if over or (found is not None and not found.worn):
            shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _earlier(folder: Path, settings: str) -> Kept:
    """What an earlier run kept, where it had these settings and is sound; else the folder is emptied."""
    from safetensors import SafetensorError

    mark, found = folder / _SETTINGS, Kept(folder)
    if mark.exists():
        try:
            if mark.read_text() == settings:
                found.read()
                return found
            why = "was made with other settings"
        except (
            OSError,
            ValueError,
            TypeError,
            LookupError,
            ArithmeticError,
            RuntimeError,
            SafetensorError,
            FaceVeilError,
        ):
            why = "is damaged"
        # It may have been hours of searching.
        log.warning("What an earlier run kept of this film %s: the film is begun anew.", why)
    for path in folder.iterdir():
        if path.is_file() and path.name != LOCK:
            path.unlink()
    with _writing(mark) as part:
        part.write_text(settings)
    return Kept(folder)
