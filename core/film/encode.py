"""The picture track encoded again, in parts: each stands for itself, so that one that is finished stays finished."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..whole import whole
from .files import PLANAR, pyav, views_of

PART = 240
"""Frames of a part, some ten seconds: what is lost at most when a film is stopped while it is written."""
_ENCODERS = {
    "h264": ("libx264", {"crf": "16", "preset": "veryfast"}),
    "hevc": ("libx265", {"crf": "18", "preset": "fast", "x265-params": "log-level=error"}),
    "vp9": ("libvpx-vp9", {"crf": "22", "b": "0", "cpu-used": "5", "row-mt": "1", "deadline": "realtime"}),
    "av1": ("libsvtav1", {"crf": "22", "preset": "9"}),
}
"""How each kind is encoded again: so well that the veil survives. Other kinds become h264, in WebM vp9."""
_COLOURS = ("color_range", "colorspace", "color_primaries", "color_trc")
_HEAD = struct.Struct("<qqqI?")
"""Of a packet in a part's file: when it is shown and decoded, how long, how many bytes follow, whether it is a key."""
_NEVER = -(1 << 63)


@dataclass(frozen=True)
class Coder:
    """Everything that makes an encoder: equal ones make parts that follow each other in one track."""

    name: str
    options: dict[str, str]
    kind: str
    """Format of its frames."""
    size: tuple[int, int]
    rate: Fraction
    time_base: Fraction
    colours: dict[str, int] = field(default_factory=dict)
    aspect: Fraction | None = None

    def set_up(self, context: Any) -> Any:
        """A context that encodes like this, whoever made it."""
        context.width, context.height = self.size
        context.pix_fmt, context.framerate, context.time_base = self.kind, self.rate, self.time_base
        context.options, context.thread_type = dict(self.options), "AUTO"
        for what, value in self.colours.items():
            setattr(context, what, value)
        if self.aspect:
            context.sample_aspect_ratio = self.aspect
        return context

    def fresh(self) -> Any:
        """An encoder, whose headers go into the file's own, once for all parts."""
        av = pyav()
        context = self.set_up(av.CodecContext.create(self.name, "w"))
        context.flags |= av.codec.context.Flags.global_header
        return context

    def own(self, frame: Any, decoded: Any) -> Any:
        """A copy that may be changed: the decoder still needs its own for the frames to come."""
        if frame.format.name != self.kind:
            frame = frame.reformat(format=self.kind)
        copy = pyav().VideoFrame(frame.width, frame.height, self.kind)
        for there, here in zip(views_of(copy), views_of(frame), strict=True):
            there[:] = here
        copy.pts, copy.time_base = decoded.pts, decoded.time_base
        for what in _COLOURS:
            setattr(copy, what, getattr(decoded, what))
        return copy


def coder_of(track: Any, first: Any, webm: bool) -> Coder:
    """How a track with this first frame, in planes, is encoded again: like it was, where that can be."""
    source = track.codec_context.name
    if webm:
        source = source if source in ("vp9", "av1") else "vp9"
    name, options = _ENCODERS.get(source, _ENCODERS["h264"])
    if name not in pyav().codecs_available:
        name, options = _ENCODERS["h264"]
    known = {each.name for each in pyav().Codec(name, "w").video_formats or ()}
    return Coder(
        name,
        options,
        _nearest(first.format.name, known),
        (first.width, first.height),
        track.average_rate or Fraction(25),
        track.time_base,
        {what: int(getattr(first, what)) for what in _COLOURS},
        track.sample_aspect_ratio,
    )


def _nearest(name: str, known: set[str]) -> str:
    """The format itself, else with the same share of colour and ten bits or eight."""
    planar = PLANAR.fullmatch(name)
    share, bits = planar.group(1, 2) if planar else ("420", None)
    deep = int(bits or 8) > 8
    ways = [name, *([f"yuv{share}p10le"] if deep else []), f"yuv{share}p", *(["yuv420p10le"] if deep else [])]
    return next((way for way in ways if way in known), "yuv420p")


def part_path(folder: Path, number: int) -> Path:
    return folder / f"part-{number:06}"


def encode_part(coder: Coder, frames: Iterable[Any], path: Path) -> int:
    """Frames as a part's file, whole or not at all; how many they were."""
    encoder, count = coder.fresh(), 0
    with whole(path) as part, part.open("wb") as file:
        for frame in frames:
            count += 1
            _keep(file, encoder.encode(frame))
        _keep(file, encoder.encode(None))
    return count


def _keep(file: Any, packets: Iterable[Any]) -> None:
    for packet in packets:
        times = (_NEVER if when is None else when for when in (packet.pts, packet.dts, packet.duration))
        file.write(_HEAD.pack(*times, packet.size, packet.is_keyframe))
        file.write(bytes(packet))


def packets_of(parts: Iterable[Path], time_base: Fraction) -> Iterator[Any]:
    """The parts' packets as one track. A part may begin with a decoding time before the last one of the part before it:
    such times are moved behind it."""
    last = _NEVER
    for path in parts:
        with path.open("rb") as file:
            while head := file.read(_HEAD.size):
                shown, decoded, lasts, size, key = _HEAD.unpack(head)
                packet = pyav().Packet(file.read(size))
                last = max(decoded, last + 1)
                packet.pts, packet.dts, packet.time_base = shown, last, time_base
                packet.duration, packet.is_keyframe = max(lasts, 0), key
                yield packet
