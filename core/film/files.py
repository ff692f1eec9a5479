"""Films as files, through PyAV: looked into, and read frame by frame."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError, ModelError, OutputError, Unread
from ..faces.crops import Window
from ..plain import plain
from .ahead import ahead
from .frames import LOOKED_AT
from .yuv import Coding, Planes

READABLE = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".wmv", ".flv", ".3gp")
CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""What can be written, by the name's ending."""
PLANAR = re.compile(r"yuvj?(4[0-4][0-4])p(\d*)(le)?")
_INSTEAD = {"nv12": "yuv420p", "nv21": "yuv420p", "p010le": "yuv420p10le", "gray": "yuv420p", "gray10le": "yuv420p10le"}
_MATRICES = {1: "709", 5: "601", 6: "601", 7: "709", 9: "2020", 10: "2020"}
_FULL = 2
_SD = 576
"""Lines up to which a film that does not say so is taken for BT.601."""


def pyav() -> Any:
    """PyAV, or a sentence on how to get it."""
    try:
        import av
    except ImportError as error:
        raise ModelError("Films need one more package: pip install 'faceveil[film]' (PyAV).") from error
    return av


def is_film(path: str | PurePath) -> bool:
    """By its name; what it holds is looked at when it is opened."""
    return PurePath(path).suffix.lower() in READABLE


@dataclass(frozen=True)
class About:
    """What a film says of itself."""

    width: int
    height: int
    frames: int
    """As far as the file tells; 0 when it does not."""
    rate: Fraction
    codec: str
    quarters: int
    """Quarter turns counter-clockwise that a player makes."""
    notes: tuple[str, ...] = field(default=())

    def notes_after(self, frames: int) -> list[str]:
        """What to say of the film, once so many frames of it were written: a damaged one may simply end too soon."""
        if frames >= 0.9 * self.frames - 2:
            return list(self.notes)
        short = f"the file promises {self.frames} frames and {frames} could be read: it is damaged or cut short"
        return [*self.notes, f"{short}, and what was written ends there."]


class FilmFrame:
    """One frame, in a format whose planes can be changed one by one."""

    def __init__(self, decoded: Any, device: str = "cpu") -> None:
        """`device` is where windows of it are worked on; the small copy for detectors is on the CPU."""
        self.decoded, self.device = decoded, device
        self.height, self.width = decoded.height, decoded.width
        self._planes: Planes | None = None

    def small(self) -> Tensor:
        scale = max(1.0, max(self.height, self.width) / LOOKED_AT)
        size = {"width": max(2, round(self.width / scale)), "height": max(2, round(self.height / scale))}
        pixels = self.decoded.reformat(**size, format="rgb24", interpolation="AREA").to_ndarray()
        return torch.from_numpy(pixels).movedim(-1, 0)[None].float().div_(255)

    def cut(self, window: Window) -> Tensor:
        return self.planes.rgb(window).to(self.device)

    def put(self, window: Window, change: Tensor) -> None:
        self.planes.add(window, change.cpu())

    @property
    def planes(self) -> Planes:
        if self._planes is None:
            self._planes = Planes(views_of(self.decoded), coding_of(self.decoded))
        return self._planes


def coding_of(frame: Any) -> Coding:
    """How the numbers of a frame in planes mean colours; where it does not say, as players take it."""
    kind = PLANAR.fullmatch(frame.format.name)
    if kind is None:
        raise ValueError(frame.format.name)
    across, down = {"420": (2, 2), "422": (2, 1), "444": (1, 1), "440": (1, 2), "411": (4, 1), "410": (4, 4)}[kind[1]]
    matrix = _MATRICES.get(int(frame.colorspace), "601" if frame.height <= _SD else "709")
    full = int(frame.color_range) == _FULL or frame.format.name.startswith("yuvj")
    return Coding(int(kind[2] or 8), matrix, full, across, down)


def views_of(frame: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    kind = np.uint16 if frame.format.components[0].bits > 8 else np.uint8

    def view(plane: Any) -> np.ndarray:
        rows = np.frombuffer(plane, kind).reshape(-1, plane.line_size // np.dtype(kind).itemsize)
        return rows[: plane.height, : plane.width]

    luma, blue, red = (view(plane) for plane in frame.planes[:3])
    return luma, blue, red


@contextmanager
def opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """The film and its picture track; whatever is wrong with it becomes one sentence."""
    av, name = pyav(), plain(path.name)
    try:
        if not path.is_file():
            raise Unread(f"There is no film '{name}': check the path.")
        with av.open(str(path)) as film:
            tracks = [each for each in film.streams.video if not _is_cover(each)]
            if not tracks:
                raise InputError(f"'{name}' has no moving picture: name a film, or protect a photo instead.")
            tracks[0].thread_type = "AUTO"
            yield film, tracks[0]
    except av.error.FFmpegError as error:
        if isinstance(error, OSError):
            raise Unread(f"'{name}' cannot be read now ({reason(error)}): try again.") from error
        raise InputError(f"'{name}' is damaged or no film ({reason(error)}): fetch or export it again.") from error


def _is_cover(stream: Any) -> bool:
    return bool(getattr(stream.disposition, "value", 0) & 0x400)


def reason(error: Exception) -> str:
    return plain(getattr(error, "strerror", None) or error)[:120]


def about(path: Path) -> About:
    """Looks into a film before any work: its first frame is decoded."""
    with opened(path) as (film, track):
        first = next(film.decode(track), None)
        if first is None:
            raise InputError(f"'{plain(path.name)}' holds no frame that can be read: fetch or export it again.")
        rate = track.average_rate or track.guessed_rate or Fraction(25)
        length = float(track.duration * track.time_base) if track.duration else (film.duration or 0) / 1e6
        notes = [f"{count} {what} left out" for count, what in _left_out(film, track) if count]
        return About(
            first.width,
            first.height,
            track.frames or round(length * rate),
            Fraction(rate),
            track.codec_context.name,
            round(int(getattr(first, "rotation", 0)) / 90) % 4,
            tuple(notes),
        )


def _left_out(film: Any, track: Any) -> list[tuple[int, str]]:
    others = [each for each in film.streams.video if each is not track]
    return [
        (len(others), "further pictures (covers, second tracks), which would show the face,"),
        (len(film.streams.data), "tracks of data (places, timecodes)"),
    ]


def frames_of(path: Path, device: str = "cpu") -> Iterator[tuple[float, FilmFrame]]:
    """Every frame with the seconds at which it is shown, a few in memory at a time; not to be changed."""
    return ahead(_frames_of(path, device))


def _frames_of(path: Path, device: str) -> Generator[tuple[float, FilmFrame]]:
    with opened(path) as (film, track):
        rate = float(track.average_rate or 25)
        for index, frame in enumerate(film.decode(track)):
            yield (float(frame.time) if frame.time is not None else index / rate), FilmFrame(in_planes(frame), device)


def container_of(target: Path) -> str:
    if target.suffix.lower() not in CONTAINERS:
        raise OutputError(
            f"'{plain(target.name)}' does not end in a format that can be written: use one of {', '.join(CONTAINERS)}."
        )
    return CONTAINERS[target.suffix.lower()]


def in_planes(frame: Any) -> Any:
    """The frame itself, or as the nearest format that has planes of brightness and of colour."""
    name = frame.format.name
    if PLANAR.fullmatch(name):
        return frame
    deep = max(part.bits for part in frame.format.components) > 8
    wanted = _INSTEAD.get(name) or ("yuv444p10le" if deep else "yuv444p")
    if name.startswith("yuva"):
        wanted = name.replace("yuva", "yuv", 1)
    made = frame.reformat(format=wanted)
    made.pts, made.time_base = frame.pts, frame.time_base
    return made
