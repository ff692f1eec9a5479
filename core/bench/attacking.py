"""Attacks on the pictures that a run has saved: nothing is protected again, and each attack adds a column to a row."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ..attacks.registry import ATTACKS, Tried, seen_through
from ..attacks.scene import Scene, scene_of
from ..faces.again import find_again
from ..faces.find import find_faces
from ..images import read_photo, to_bchw
from ..recognisers.ensemble import Ensemble
from ..recognisers.recogniser import Recogniser
from ..verdict.verify import embed_largest
from .layout import person_of
from .packing import packed
from .rows import ATTACK, Key, Row, key_of
from .trial import Trial

_OTHERS = 4
"""So many other photos an opponent compares with."""


@dataclass(frozen=True)
class AttackJob:
    """What is still to be tried on one trial's picture."""

    trial: Trial
    attacks: tuple[Tried, ...]


def still_to_try(
    trials: Iterable[Trial], attacks: Sequence[Tried], lines: Iterable[Row], failed: Collection[Key]
) -> list[AttackJob]:
    """Trials of dodging that were done, with the attacks that nobody has tried on them."""
    done = {(tuple(line["attacked"]), line["attack"]) for line in lines}
    attack_jobs = [
        AttackJob(trial, tuple(tried for tried in attacks if (trial.key, tried.key) not in done))
        for trial in trials
        if trial.decoy is None and trial.key not in failed
    ]
    return [job for job in attack_jobs if job.attacks]


def try_attacks(
    job: AttackJob, picture: Path, recognisers: Sequence[Recogniser], people: Mapping[str, Path], device: str = "cpu"
) -> list[Row]:
    """A line for each attack: by recogniser the embedding in a search, in pairs how alike it is to the other photo."""
    trial, ensemble = job.trial, Ensemble(recognisers)
    before, after = (_read(path, device) for path in (trial.photo, picture))
    face = find_again(after, find_faces(before, which="largest")[0])
    others = _others(trial, people, device) if any(ATTACKS[tried.name].others for tried in job.attacks) else ()
    seen = seen_through(ensemble, scene_of(after, face, others), job.attacks)
    gallery = None if trial.gallery is None else embed_largest(ensemble, _read(trial.gallery, device))
    lines: list[Row] = []
    for attack, found in seen.items():
        if gallery is None:
            by_recogniser: Row = {name: packed(embedding[0], name) for name, embedding in found.items()}
        else:
            by_recogniser = {name: float(embedding[0] @ gallery[name][0]) for name, embedding in found.items()}
        lines.append({"attacked": list(trial.key), "attack": attack, "seen": by_recogniser})
    return lines


def _read(path: Path, device: str) -> Tensor:
    return to_bchw(read_photo(path).pixels).to(device)


def _others(trial: Trial, people: Mapping[str, Path], device: str) -> tuple[Scene, ...]:
    """The person's other photos, as an opponent has them."""
    mine = [path for name, path in people.items() if person_of(name) == person_of(trial.name) and name != trial.name]
    paths = [trial.gallery] if trial.gallery else mine[:_OTHERS]
    pictures = (_read(path, device) for path in paths)
    return tuple(scene_of(picture, find_faces(picture, which="largest")[0]) for picture in pictures)


def joined(rows: Sequence[Row], lines: Iterable[Row]) -> list[Row]:
    """Rows with what attacks left, as further copies of the same picture."""
    by_trial: dict[Key, list[Row]] = {}
    for line in lines:
        by_trial.setdefault(tuple(line["attacked"]), []).append(line)
    return [_joined(row, by_trial.get(key_of(row), ())) for row in rows]


def _joined(row: Row, lines: Sequence[Row]) -> Row:
    if not lines:
        return row
    seen = []
    for recogniser in row["recognisers"]:
        kind, name = ("embedded" if "embedded" in recogniser else "after"), recogniser["name"]
        more = {ATTACK + line["attack"]: line["seen"][name] for line in lines if name in line["seen"]}
        seen.append({**recogniser, kind: {**recogniser[kind], **more}})
    return {**row, "recognisers": seen}
