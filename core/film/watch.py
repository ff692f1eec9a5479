"""The first time through a film: shots, faces followed, and of each a few pictures to search its veil on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..faces.crops import resize, window_around
from ..faces.face import Face
from ..faces.find import found_again
from ..images import to_uint8
from ..protection.task import SMALLEST_FACE
from .cuts import Cuts
from .frames import Frame
from .track import Course, Follower, Track, course_of, enlarged, looked
from .turning import Again, Look

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
    keys: list[tuple[Tensor, Face]]
    """Pictures (1, 3, h, w) of it, with the face in each."""


@dataclass
class _Keys:
    """So many pictures spread over a shot whose length nobody knows yet: when there are too many, every second goes."""

    every: int = _EVERY
    held: list[tuple[int, Tensor, Face]] = field(default_factory=list)

    def offer(self, frame: int, picture: Frame, face: Face) -> None:
        if self.held and frame - self.held[-1][0] < self.every:
            return
        window = window_around(face, _AROUND)
        part, there = picture.cut(window), window.moved(face)
        if there.size > _LARGE:
            share = _LARGE / there.size
            side = max(1, round(window.width * share))
            part, there = resize(part, side, side), enlarged(there, side / window.width)
        self.held.append((frame, to_uint8(part), there))
        if len(self.held) > _HELD:
            self.held, self.every = self.held[::2], self.every * 2

    def chosen(self) -> list[tuple[Tensor, Face]]:
        count = min(KEYS, len(self.held))
        places = [round(place) for place in torch.linspace(0, len(self.held) - 1, count).tolist()]
        return [(self.held[place][1].float() / 255, self.held[place][2]) for place in places]


def watch(
    frames: Iterable[tuple[float, Frame]],
    looks: tuple[Look, Again] = (looked, found_again),
    on_frame: Callable[[int], None] = lambda done: None,
) -> Iterator[list[Person]]:
    """The people of one shot after the other, the largest first; of frames with the seconds at which they are shown.

    Nothing of a shot is kept once it has been handed on.
    """
    cuts, first, index, times = Cuts(), 0, -1, {}
    follower, keys = Follower(*looks), {}
    for index, (seconds, frame) in enumerate(frames):
        small = frame.small()
        if cuts.begins(small) and index:
            yield _people(follower, keys, first, index - 1, times)
            follower, keys, first, times = Follower(*looks), {}, index, {}
        times[index] = seconds
        follower.see(index, small, frame.width / small.shape[-1])
        for track in follower.tracks:
            if index in track.seen:
                keys.setdefault(id(track), _Keys()).offer(index, frame, track.seen[index])
        on_frame(index + 1)
    if index >= 0:
        yield _people(follower, keys, first, index, times)


def _people(follower: Follower, keys: dict[int, _Keys], first: int, last: int, times: dict[int, float]) -> list[Person]:
    tracks = [track for track in follower.tracks if track.size >= SMALLEST_FACE and not _slip(track, last - first + 1)]
    tracks.sort(key=lambda track: -track.size)
    return [Person(course_of(track, first, last, times), keys[id(track)].chosen()) for track in tracks]


def _slip(track: Track, length: int) -> bool:
    return len(track.seen) == 1 and length > _ONCE
