"""A film again with every frame changed, and everything else in it as it was."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, nullcontext
from itertools import chain, count, islice
from pathlib import Path
from typing import Any

from ..errors import InputError, OutputError
from ..plain import plain
from ..scratch import scratch
from ..whole import whole
from .ahead import ahead
from .encode import PART, Coder, coder_of, encode_part, packets_of, part_path
from .files import FilmFrame, container_of, in_planes, opened, pyav, reason

Change = Callable[[int, FilmFrame], object]
"""Told of frame number so many, which it may change in place."""


def rewrite(
    path: Path,
    target: Path,
    change: Change,
    keep_metadata: bool = False,
    on_frame: Callable[[int], None] = lambda done: None,
    folder: Path | None = None,
    device: str = "cpu",
) -> int:
    """The film with every frame changed; sound, subtitles, times, turning and colours stay. How many frames.

    The file appears whole or not at all. Finished parts of the picture lie in `folder`, and those that lie there are
    not made again. One thread decodes, one changes frames, one encodes.
    """
    webm = container_of(target) == "webm"
    with opened(path) as (film, track):
        first = next(film.decode(track), None)
        if first is None:
            raise InputError(f"'{plain(path.name)}' holds no frame that can be read: fetch or export it again.")
        coder, degrees = coder_of(track, in_planes(first), webm), int(getattr(first, "rotation", 0))
    with scratch(target.parent) if folder is None else nullcontext(folder) as parts:
        try:
            frames = _encoded(path, coder, change, parts, on_frame, device)
            with opened(path) as (film, track):
                _join(film, track, target, coder, degrees, parts, keep_metadata)
        except _Unwritten as error:
            raise OutputError(
                f"'{plain(target.name)}' could not be written ({reason(error.cause)}): make room, or name a .mkv, "
                "which holds anything."
            ) from error.cause
    return frames


class _Unwritten(Exception):
    """An error of the encoder or of the file that is written, told from those of the film that is read."""

    def __init__(self, cause: Exception) -> None:
        self.cause = cause


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except (pyav().error.FFmpegError, OSError) as error:
        raise _Unwritten(error) from error


def _encoded(
    path: Path, coder: Coder, change: Change, parts: Path, on_frame: Callable[[int], None], device: str
) -> int:
    """All parts that are not there yet; how many frames the film has."""
    numbers = count()
    done = next(number for number in numbers if not part_path(parts, number).exists())
    seen = 0

    def counted(frames: Iterator[Any]) -> Iterator[Any]:
        nonlocal seen
        for frame in frames:
            yield frame
            seen += 1
            on_frame(seen)

    frames = ahead(_changed(ahead(_copies(path, coder, done * PART)), change, device))
    try:
        for _ in counted(islice(frames, done * PART)):
            pass
        while (first := next(frames, None)) is not None:
            with _writing():
                encode_part(coder, counted(chain([first], islice(frames, PART - 1))), part_path(parts, done))
            done = next(numbers)
    finally:
        frames.close()
    return seen


def _copies(path: Path, coder: Coder, skipped: int) -> Generator[Any]:
    """Frames that may be changed; None for those of parts that are finished."""
    with opened(path) as (film, track):
        for index, decoded in enumerate(film.decode(track)):
            if (decoded.width, decoded.height) != coder.size:
                sizes = (f"{wide}x{tall}" for wide, tall in (coder.size, (decoded.width, decoded.height)))
                raise InputError(
                    f"'{plain(path.name)}' changes its size in the middle ({' to '.join(sizes)}): cut it there, and "
                    "protect the pieces."
                )
            yield None if index < skipped else coder.own(in_planes(decoded), decoded)


def _changed(frames: Iterator[Any], change: Change, device: str) -> Generator[Any]:
    for index, frame in enumerate(frames):
        if frame is not None:
            change(index, FilmFrame(frame, device))
        yield frame


def _join(film: Any, track: Any, target: Path, coder: Coder, degrees: int, parts: Path, keep_metadata: bool) -> None:
    """The parts as one track, and copies of sound and subtitles, in the order of time."""
    with _writing(), whole(target) as part, pyav().open(str(part), "w", format=container_of(target)) as out:
        _mux(film, track, out, coder, degrees, parts, keep_metadata)


def _mux(film: Any, track: Any, out: Any, coder: Coder, degrees: int, parts: Path, keep_metadata: bool) -> None:
    copied: dict[int, Any] = {}
    for stream in film.streams:
        if stream is track:
            video = out.add_stream(coder.name, rate=coder.rate)
            coder.set_up(video.codec_context)
            if degrees and hasattr(video, "set_display_rotation"):
                video.set_display_rotation(degrees)
        elif stream.type in ("audio", "subtitle"):
            made = copied[stream.index] = out.add_stream_from_template(stream)
            for key in ("language", "title", "handler_name"):
                if key in stream.metadata:
                    made.metadata[key] = stream.metadata[key]
            made.disposition = stream.disposition
    if keep_metadata:
        out.metadata.update(film.metadata)
    there = (part_path(parts, number) for number in count())
    finished = iter(lambda: next(path if path.exists() else None for path in there), None)
    pictures = ((packet, video) for packet in packets_of(finished, coder.time_base))
    sounds = film.demux([film.streams[index] for index in copied]) if copied else ()
    others = ((packet, copied[packet.stream.index]) for packet in sounds if packet.dts is not None)
    for packet, stream in heapq.merge(pictures, others, key=lambda entry: entry[0].dts * entry[0].time_base):
        packet.stream = stream
        out.mux(packet)
