"""The first time through a film: shots, faces followed, and of each a few pictures to search its veil on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..faces.crops import resize, window_around
from ..faces.face import Face
from ..faces.find import follow_face
from ..images import to_uint8
from ..search.task import SMALLEST_FACE
from .cuts import Cuts
from .frames import Frame
from .track import Course, Follower, Track, all_faces, course_of, enlarged
from .turning import Follow, Look

KEYS = 4
"""Pictures of a face on which its veil is searched."""
_HELD, _EVERY = 8, 5
"""Pictures of a face that are held while its shot goes on; frames between two of them at first."""
_AROUND, _LARGE = 1.0, 320
"""Margin of those pictures; a larger face is brought to this size."""
_ONCE = 12
"""A face that was seen once in a shot of more frames is a detector's slip."""


@dataclass(frozen=True)
class Person:
    """One face of one shot."""

    course: Course
    key_faces: list[tuple[int, Face]]
    """Frames, and the face in each, that `keys` are pictures of."""
    keys: list[tuple[Tensor, Face]]
    """Pictures (1, 3, h, w) of it, with the face in each."""


@dataclass(frozen=True)
class Shot:
    """The frames from `first` to before `following`, and the people in it, the largest first."""

    first: int
    following: int
    people: list[Person]


@dataclass
class _Keys:
    """A few pictures spread over a shot whose length is not known yet: when there are too many, every second one
    goes."""

    every: int = _EVERY
    held: list[tuple[int, Face, tuple[Tensor, Face]]] = field(default_factory=list)

    def offer(self, frame: int, picture: Frame, face: Face) -> None:
        if self.held and frame - self.held[-1][0] < self.every:
            return
        self.held.append((frame, face, key_of(picture, face)))
        if len(self.held) > _HELD:
            self.held, self.every = self.held[::2], self.every * 2

    def chosen(self) -> tuple[list[tuple[int, Face]], list[tuple[Tensor, Face]]]:
        """Where the pictures are from, and the pictures."""
        count = min(KEYS, len(self.held))
        some = [self.held[round(place)] for place in torch.linspace(0, len(self.held) - 1, count).tolist()]
        return [(frame, face) for frame, face, _ in some], [(part.float() / 255, there) for _, _, (part, there) in some]


def key_of(picture: Frame, face: Face) -> tuple[Tensor, Face]:
    """A picture of a face, in bytes, of a size to be searched on, and the face in it."""
    window = window_around(face, _AROUND)
    part, there = picture.cut(window), window.moved(face)
    if there.size > _LARGE:
        share = _LARGE / there.size
        side = max(1, round(window.width * share))
        part, there = resize(part, side, side), enlarged(there, side / window.width)
    return to_uint8(part), there


def watch(
    frames: Iterable[tuple[float, Frame]],
    looks: tuple[Look, Follow] = (all_faces, follow_face),
    on_frame: Callable[[int], None] = lambda done: None,
    start: int = 0,
) -> Iterator[Shot]:
    """One shot after the other, of frames with the seconds at which they are shown. At frame `start` a shot begins;
    those before it were watched already.

    Nothing of a shot is kept once it has been handed on.
    """
    cuts, first, index = Cuts(), start, -1
    times: dict[int, float] = {}
    follower, keys = Follower(*looks), dict[int, _Keys]()
    for index, (seconds, frame) in enumerate(frames):
        if index < start:
            on_frame(index + 1)
            continue
        small = frame.small()
        if cuts.begins(small) and index > start:
            yield _shot(follower, keys, first, index, times)
            follower, keys, first, times = Follower(*looks), {}, index, {}
        times[index] = seconds
        follower.see(index, small, frame.width / small.shape[-1], seconds)
        for track in follower.tracks:
            if index in track.seen:
                keys.setdefault(id(track), _Keys()).offer(index, frame, track.seen[index])
        on_frame(index + 1)
    if index >= start:
        yield _shot(follower, keys, first, index + 1, times)


def _shot(follower: Follower, keys: dict[int, _Keys], first: int, following: int, times: dict[int, float]) -> Shot:
    tracks = [track for track in follower.tracks if track.size >= SMALLEST_FACE and not _slip(track, following - first)]
    tracks.sort(key=lambda track: -track.size)
    people = [Person(course_of(track, first, following - 1, times), *keys[id(track)].chosen()) for track in tracks]
    return Shot(first, following, people)


def _slip(track: Track, length: int) -> bool:
    return len(track.seen) == 1 and length > _ONCE
