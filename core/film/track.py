"""Faces followed through one shot: found, associated by overlap, filled in, smoothed. No embedding is looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..errors import NoFaceError
from ..faces.face import Face, box_of
from ..faces.find import find_faces, follow_face
from .smooth import steadied

EVERY = 0.075
"""Seconds after which a frame is looked at again, two frames of most films; a face moves little meanwhile, and what
lies between is known afterwards."""
EVERYWHERE = 12
"""Frames after which the whole frame is looked at again; between, only where faces are known to be. A face that is
seen first may have been there all the while, so its veil begins as many frames earlier."""
LINGER = 0.6
"""Seconds that a veil goes on where its face was seen last, and begins before it was seen first: detectors lose a face
before people do, and a veil over nothing is better than a face without one."""
_SAME = 0.3
"""Overlap of two boxes of one face."""


@dataclass
class Track:
    """One face of one shot: where it was seen, by frame."""

    seen: dict[int, Face] = field(default_factory=dict)

    @property
    def last(self) -> Face:
        return self.seen[max(self.seen)]

    @property
    def size(self) -> float:
        return max(face.size for face in self.seen.values())


@dataclass(frozen=True)
class Course:
    """A track with a place for every frame from the first to the last."""

    first: int
    places: Tensor
    """Box and five points (N, 14): a film has many frames."""

    @property
    def last(self) -> int:
        return self.first + len(self.places) - 1

    def at(self, frame: int) -> Face | None:
        """Where the face is; None where it is not."""
        if not self.first <= frame <= self.last:
            return None
        row = self.places[frame - self.first]
        return Face(tuple(row[:4].tolist()), row[4:].view(5, 2))


def overlap(one: Face, other: Face) -> float:
    """Shared area over joint area."""
    left, top = (max(a, b) for a, b in zip(one.box[:2], other.box[:2], strict=True))
    right, bottom = (min(a, b) for a, b in zip(one.box[2:], other.box[2:], strict=True))
    shared = max(0.0, right - left) * max(0.0, bottom - top)
    return shared / max(one.area + other.area - shared, 1e-6)


class Follower:
    """Told of one frame of a shot after the other."""

    def __init__(
        self,
        look: Callable[[Tensor], list[Face]] | None = None,
        follow: Callable[[Tensor, Face], Face | None] = follow_face,
    ) -> None:
        """`look` finds faces in a picture, `follow` a known one not far from where it was."""
        self.tracks: list[Track] = []
        self._look, self._follow = look or all_faces, follow
        self._looked: float | None = None
        self._everywhere = -EVERYWHERE

    def see(self, frame: int, small: Tensor, scale: float, seconds: float) -> None:
        """A frame's small copy (1, 3, h, w) and when it is shown; `scale` brings its coordinates to the frame's own."""
        if self._looked is not None and 0 <= seconds - self._looked < EVERY:
            return
        self._looked = seconds
        if frame - self._everywhere >= EVERYWHERE or not self.tracks:
            self._everywhere = frame
            self._associate(frame, [enlarged(face, scale) for face in self._look(small)])
            return
        for track in self.tracks:
            if frame - max(track.seen) > 2 * EVERYWHERE:
                continue  # lost for long: it has to be found anew
            near = self._follow(small, enlarged(track.last, 1 / scale))
            if near is not None:
                track.seen[frame] = enlarged(near, scale)

    def _associate(self, frame: int, faces: list[Face]) -> None:
        pairs = [
            (overlap(face, track.last), i, j) for i, face in enumerate(faces) for j, track in enumerate(self.tracks)
        ]
        taken: set[int] = set()
        known: set[int] = set()
        for shared, i, j in sorted(pairs, reverse=True):
            if shared >= _SAME and i not in taken and j not in known:
                self.tracks[j].seen[frame] = faces[i]
                taken.add(i)
                known.add(j)
        self.tracks += [Track({frame: face}) for i, face in enumerate(faces) if i not in taken]


def all_faces(picture: Tensor, detector: str = "auto") -> list[Face]:
    """The faces of a picture; an empty list where there are none."""
    try:
        return find_faces(picture, detector=detector, look_turned=False)
    except NoFaceError:
        return []


def enlarged(face: Face, scale: float) -> Face:
    """A face of a copy in the coordinates of a picture `scale` times as large."""
    box = box_of((side + 0.5) * scale - 0.5 for side in face.box)
    return Face(box, (face.points + 0.5) * scale - 0.5, face.score)


def course_of(track: Track, first: int, last: int, times: dict[int, float]) -> Course:
    """The track filled in between sightings, held for a while before and after them, and smoothed.

    `first` to `last` is the shot; `times` are the frames' seconds.
    """
    frames = sorted(track.seen)
    begin, end = frames[0], frames[-1]
    while begin > first and (frames[0] - begin < EVERYWHERE or times[frames[0]] - times[begin - 1] <= LINGER + 1e-6):
        begin -= 1
    while end < last and times[end + 1] - times[frames[-1]] <= LINGER + 1e-6:
        end += 1
    known = torch.stack([_numbers(track.seen[frame]) for frame in frames])
    seconds = torch.tensor([times[frame] for frame in frames])
    every = torch.tensor([times[frame] for frame in range(begin, end + 1)])
    return Course(begin, steadied(known, seconds, every))


def _numbers(face: Face) -> Tensor:
    return torch.cat([torch.tensor(face.box), face.points.cpu().flatten()])
