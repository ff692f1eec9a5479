"""Films as files, through PyAV: read frame by frame, written with everything else in them as it was."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError, ModelError, OutputError
from ..faces.crops import Window
from ..plain import plain
from ..whole import whole
from .frames import LOOKED_AT
from .yuv import Coding, Planes

READABLE = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".wmv", ".flv", ".3gp")
CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""What can be written, by the name's ending."""
_ENCODERS = {
    "h264": ("libx264", {"crf": "16", "preset": "veryfast"}),
    "hevc": ("libx265", {"crf": "18", "preset": "fast", "x265-params": "log-level=error"}),
    "vp9": ("libvpx-vp9", {"crf": "22", "b": "0", "cpu-used": "5", "row-mt": "1", "deadline": "realtime"}),
    "av1": ("libsvtav1", {"crf": "22", "preset": "9"}),
}
"""How each kind is encoded again: so well that the veil survives. Other kinds become h264, in WebM vp9."""
_PLANAR = re.compile(r"yuvj?(4[0-4][0-4])p(\d*)(le)?")
_INSTEAD = {"nv12": "yuv420p", "nv21": "yuv420p", "p010le": "yuv420p10le", "gray": "yuv420p", "gray10le": "yuv420p10le"}
_MATRICES = {1: "709", 5: "601", 6: "601", 7: "709", 9: "2020", 10: "2020"}
_FULL = 2
_COLOURS = ("color_range", "colorspace", "color_primaries", "color_trc")
_SD = 576
"""Lines up to which a film that does not say so is taken for BT.601."""


def pyav() -> Any:
    """PyAV, or a sentence on how to get it."""
    try:
        import av
    except ImportError as error:
        raise ModelError("Films need one more package: pip install 'faceveil[film]' (PyAV).") from error
    return av


def is_film(path: str | Path) -> bool:
    """By its name; what it holds is looked at when it is opened."""
    return Path(path).suffix.lower() in READABLE


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

    def told(self, frames: int) -> list[str]:
        """What to say of the film, once so many frames of it were written: a damaged one may simply end too soon."""
        if frames >= 0.9 * self.frames - 2:
            return list(self.notes)
        short = f"the file promises {self.frames} frames and {frames} could be read: it is damaged or cut short"
        return [*self.notes, f"{short}, and what was written ends there."]


class FilmFrame:
    """One frame, in a format whose planes can be changed one by one."""

    def __init__(self, decoded: Any) -> None:
        self.decoded = decoded
        self.height, self.width = decoded.height, decoded.width
        self._planes: Planes | None = None

    def small(self) -> Tensor:
        scale = max(1.0, max(self.height, self.width) / LOOKED_AT)
        size = {"width": max(2, round(self.width / scale)), "height": max(2, round(self.height / scale))}
        pixels = self.decoded.reformat(**size, format="rgb24", interpolation="AREA").to_ndarray()
        return torch.from_numpy(pixels).movedim(-1, 0)[None].float().div_(255)

    def cut(self, window: Window) -> Tensor:
        return self.planes.rgb(window)

    def put(self, window: Window, change: Tensor) -> None:
        self.planes.add(window, change)

    @property
    def planes(self) -> Planes:
        if self._planes is None:
            self._planes = Planes(_views(self.decoded), coding_of(self.decoded))
        return self._planes


def coding_of(frame: Any) -> Coding:
    """How the numbers of a frame in planes mean colours; where it does not say, as players take it."""
    kind = _PLANAR.fullmatch(frame.format.name)
    if kind is None:
        raise ValueError(frame.format.name)
    across, down = {"420": (2, 2), "422": (2, 1), "444": (1, 1), "440": (1, 2), "411": (4, 1), "410": (4, 4)}[kind[1]]
    matrix = _MATRICES.get(int(frame.colorspace), "601" if frame.height <= _SD else "709")
    full = int(frame.color_range) == _FULL or frame.format.name.startswith("yuvj")
    return Coding(int(kind[2] or 8), matrix, full, across, down)


def _views(frame: Any) -> tuple[np.ndarray, ...]:
    kind = np.uint16 if frame.format.components[0].bits > 8 else np.uint8
    views = []
    for plane in frame.planes[:3]:
        rows = np.frombuffer(plane, kind).reshape(-1, plane.line_size // np.dtype(kind).itemsize)
        views.append(rows[: plane.height, : plane.width])
    return tuple(views)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """The film and its picture track; whatever is wrong with it becomes one sentence."""
    av, name = pyav(), plain(path.name)
    try:
        if not path.is_file():
            raise InputError(f"There is no film '{name}': check the path.")
        with av.open(str(path)) as film:
            tracks = [each for each in film.streams.video if not _is_cover(each)]
            if not tracks:
                raise InputError(f"'{name}' has no moving picture: name a film, or protect a photo instead.")
            tracks[0].thread_type = "AUTO"
            yield film, tracks[0]
    except av.error.FFmpegError as error:
        raise InputError(f"'{name}' is damaged or no film ({_reason(error)}): fetch or export it again.") from error


def _is_cover(stream: Any) -> bool:
    return bool(getattr(stream.disposition, "value", 0) & 0x400)


def _reason(error: Exception) -> str:
    return plain(getattr(error, "strerror", None) or error)[:120]


def about(path: Path) -> About:
    """Looks into a film before any work: its first frame is decoded."""
    with _opened(path) as (film, track):
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


def frames_of(path: Path) -> Iterator[tuple[float, FilmFrame]]:
    """Every frame with the seconds at which it is shown, one in memory at a time; not to be changed."""
    with _opened(path) as (film, track):
        rate = float(track.average_rate or 25)
        for index, frame in enumerate(film.decode(track)):
            yield (float(frame.time) if frame.time is not None else index / rate), FilmFrame(_in_planes(frame))


def rewrite(
    path: Path,
    target: Path,
    change: Callable[[int, FilmFrame], None],
    keep_metadata: bool = False,
    on_frame: Callable[[int], None] = lambda done: None,
) -> int:
    """The film again with every frame changed; sound, subtitles, times, turning and colours stay. How many frames.

    The file appears whole or not at all.
    """
    av = pyav()
    kind = container_of(target)
    with _opened(path) as (film, track):
        first = next(film.decode(track), None)
    if first is None:
        raise InputError(f"'{plain(path.name)}' holds no frame that can be read: fetch or export it again.")
    with _opened(path) as (film, track):
        try:
            with whole(target) as part, av.open(str(part), "w", format=kind) as out:
                return _Writer(film, track, out, first, keep_metadata).write(change, on_frame)
        except av.error.FFmpegError as error:
            if isinstance(error, av.error.InvalidDataError):
                raise
            raise OutputError(
                f"'{plain(target.name)}' could not be written ({_reason(error)}): name a .mkv, which holds anything."
            ) from error


def container_of(target: Path) -> str:
    if target.suffix.lower() not in CONTAINERS:
        raise OutputError(
            f"'{plain(target.name)}' does not end in a format that can be written: use one of {', '.join(CONTAINERS)}."
        )
    return CONTAINERS[target.suffix.lower()]


def _in_planes(frame: Any) -> Any:
    """The frame itself, or as the nearest format that has planes of brightness and of colour."""
    name = frame.format.name
    if _PLANAR.fullmatch(name):
        return frame
    deep = max(part.bits for part in frame.format.components) > 8
    wanted = _INSTEAD.get(name) or ("yuv444p10le" if deep else "yuv444p")
    if name.startswith("yuva"):
        wanted = name.replace("yuva", "yuv", 1)
    made = frame.reformat(format=wanted)
    made.pts, made.time_base = frame.pts, frame.time_base
    return made


class _Writer:
    """One film on its way from file to file."""

    def __init__(self, film: Any, track: Any, out: Any, first: Any, keep_metadata: bool) -> None:
        self.film, self.track, self.out = film, track, out
        self.streams: dict[int, Any] = {}
        for stream in film.streams:
            if stream is track:
                self.video = self._encoded(_in_planes(first), int(getattr(first, "rotation", 0)))
            elif stream.type in ("audio", "subtitle"):
                made = self.streams[stream.index] = out.add_stream_from_template(stream)
                for key in ("language", "title", "handler_name"):
                    if key in stream.metadata:
                        made.metadata[key] = stream.metadata[key]
                made.disposition = stream.disposition
        if keep_metadata:
            out.metadata.update(film.metadata)

    def write(self, change: Callable[[int, FilmFrame], None], on_frame: Callable[[int], None]) -> int:
        count = 0
        for packet in self.film.demux([self.track, *(self.film.streams[index] for index in self.streams)]):
            if packet.stream.index in self.streams:
                if packet.dts is not None:
                    packet.stream = self.streams[packet.stream.index]
                    self.out.mux(packet)
                continue
            for decoded in packet.decode():
                frame = self._own(decoded)
                change(count, FilmFrame(frame))
                self.out.mux(self.video.encode(frame))
                count += 1
                on_frame(count)
        self.out.mux(self.video.encode(None))
        return count

    def _encoded(self, frame: Any, degrees: int) -> Any:
        """The picture track, which holds what the first frame tells."""
        source = self.track.codec_context.name
        if self.out.format.name == "webm":
            source = source if source in ("vp9", "av1") else "vp9"
        name, options = _ENCODERS.get(source, _ENCODERS["h264"])
        if name not in pyav().codecs_available:
            name, options = _ENCODERS["h264"]
        video = self.out.add_stream(name, rate=self.track.average_rate or Fraction(25), options=dict(options))
        context = video.codec_context
        self.kind = _nearest(frame.format.name, {each.name for each in context.codec.video_formats or ()})
        video.width, video.height, video.pix_fmt = frame.width, frame.height, self.kind
        context.time_base = self.track.time_base
        context.thread_type = "AUTO"
        for what in _COLOURS:
            setattr(context, what, int(getattr(frame, what)))
        if self.track.sample_aspect_ratio:
            context.sample_aspect_ratio = self.track.sample_aspect_ratio
        if degrees and hasattr(video, "set_display_rotation"):
            video.set_display_rotation(degrees)
        return video

    def _own(self, decoded: Any) -> Any:
        """A copy that may be changed: the decoder still needs its own for the frames to come."""
        frame = _in_planes(decoded)
        if frame.format.name != self.kind:
            frame = frame.reformat(format=self.kind)
        copy = pyav().VideoFrame(frame.width, frame.height, self.kind)
        for there, here in zip(_views(copy), _views(frame), strict=True):
            there[:] = here
        copy.pts, copy.time_base = decoded.pts, decoded.time_base
        for what in _COLOURS:
            setattr(copy, what, getattr(decoded, what))
        return copy


def _nearest(name: str, known: set[str]) -> str:
    """The format itself, else with the same share of colour and ten bits or eight."""
    kind = _PLANAR.fullmatch(name)
    deep = int(kind[2] or 8) > 8
    ways = [name, *([f"yuv{kind[1]}p10le"] if deep else []), f"yuv{kind[1]}p", *(["yuv420p10le"] if deep else [])]
    return next((way for way in ways if way in known), "yuv420p")
