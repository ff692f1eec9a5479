"""Did it work? Frames of the finished file are read again, as whoever was sent it would, and compared with the face."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError
from ..faces.again import find_again
from ..faces.crops import window_around
from ..plain import plain
from ..recognisers.ensemble import Ensemble, refuse_services
from ..recognisers.recogniser import Recogniser
from ..verdict.verify import Witness
from .frames import Frame
from .worn import Worn

SAMPLES = 40
"""Frames of a film that are asked about, evenly spread."""


@dataclass(frozen=True)
class FilmVerdict:
    """What one recogniser makes of a film."""

    name: str
    role: str
    threshold: float
    frames: int
    matched: float
    """Share of the frames that it matches with the face as it was."""
    worst_second: int
    """Where it matches most."""
    worst: float
    """The share there."""
    closest: float
    """The highest similarity of a frame."""
    mean: float
    """Similarity of the mean embedding of all frames, which is what a patient service would compare."""

    def line(self) -> str:
        mean = "matched" if self.mean > self.threshold else "not matched"
        return (
            f"{plain(self.name)} ({self.role}): matches {self.matched:.0%} of {self.frames} frames looked at; the "
            f"worst second is {self.worst_second} ({self.worst:.0%}); the mean of all frames {mean} ({self.mean:.3f}, "
            f"threshold {self.threshold:.3f})"
        )


@torch.no_grad()
def judge(
    frames: Iterable[tuple[float, Frame]],
    worn: Sequence[Worn],
    witnesses: Sequence[Witness],
    far: str,
    count: int,
    detector: str = "auto",
) -> list[FilmVerdict]:
    """Of `count` frames of the finished film, some that show a face; each face against its pictures from before."""
    networks = networks_of(witnesses)
    ensemble = Ensemble(networks)
    known = [_known(ensemble, each) for each in worn]
    shown = [index for index in range(count) if any(each.course.at(index) for each in worn)]
    sampled = {shown[round(place)] for place in torch.linspace(0, len(shown) - 1, min(SAMPLES, len(shown))).tolist()}
    seen: dict[str, list[tuple[int, int, float, Tensor]]] = defaultdict(list)
    for index, (seconds, frame) in enumerate(frames):
        if index not in sampled:
            continue
        for person, each in enumerate(worn):
            face = each.course.at(index)
            if face is None:
                continue
            window = window_around(face, 1.0)
            part = frame.cut(window)
            there = find_again(part, window.moved(face).to(part.device), detector)
            for name, embedding in ensemble.embed(part, there.points[None].to(part)).items():
                alike = float((known[person][name] @ embedding[0]).max())
                seen[name].append((int(seconds), person, alike, embedding[0]))
    return [
        _verdict(network, witness.role, seen[network.name], known, far)
        for network, witness in zip(networks, witnesses, strict=True)
    ]


def networks_of(witnesses: Sequence[Witness]) -> list[Recogniser]:
    """Who judges films: a service would be sent every frame."""
    return refuse_services([witness.recogniser for witness in witnesses], "judge films by")


def _known(ensemble: Ensemble[Recogniser], worn: Worn) -> dict[str, Tensor]:
    each = [ensemble.embed(picture, face.points[None].to(picture)) for picture, face in worn.keys]
    return {name: torch.cat([embedded[name] for embedded in each]) for name in each[0]}


def _verdict(
    recogniser: Recogniser,
    role: str,
    seen: list[tuple[int, int, float, Tensor]],
    known: list[dict[str, Tensor]],
    far: str,
) -> FilmVerdict:
    name, threshold = recogniser.name, recogniser.threshold(far)
    if not seen:
        raise InputError("In the finished film no frame that was looked at shows a face, so nothing can be said of it.")
    seconds: dict[int, list[bool]] = defaultdict(list)
    people: dict[int, list[Tensor]] = defaultdict(list)
    for second, person, alike, embedding in seen:
        seconds[second].append(alike > threshold)
        people[person].append(embedding)
    shares = {second: sum(hits) / len(hits) for second, hits in seconds.items()}
    worst = max(shares, key=lambda second: shares[second])
    means = [
        float((known[person][name] @ F.normalize(torch.stack(all_of).mean(0), dim=0)).max())
        for person, all_of in people.items()
    ]
    alikes = [alike for _, _, alike, _ in seen]
    matched = sum(alike > threshold for alike in alikes) / len(seen)
    figures = matched, worst, shares[worst], max(alikes), max(means)
    return FilmVerdict(name, role, threshold, len(seen), *figures)
