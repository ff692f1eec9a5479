"""The verdict: does a recogniser still know who this is, before and after, plain and shared?"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import torch
from torch import Tensor

from ..attacks.registry import VERDICT, Tried, seen_through
from ..attacks.scene import scene_of
from ..errors import InputError, ModelError
from ..faces.again import find_again
from ..faces.crops import Window, region_of
from ..faces.face import Face
from ..faces.find import find_faces
from ..recognisers.ensemble import Ensemble, refuse_services
from ..recognisers.judge import Judge
from ..recognisers.recogniser import Recogniser
from ..sharing.upload import UPLOADS
from .facts import FaceVerdict, RecogniserVerdict
from .quality import measure_quality, outside_change
from .report import Report

SHARED_AS = ("jpeg75", "jpeg50", "half")
DEFAULT_FAR = "1e-2"


@dataclass(frozen=True)
class Witness:
    """A recogniser, or a service, and the part it plays: "surrogate" or "judge"."""

    recogniser: Judge
    role: str = "judge"


def witnesses_of(surrogates: Sequence[Judge], judges: Sequence[Judge] = ()) -> list[Witness]:
    """Everybody who has a word on a result, each with the part that they play."""
    refuse_services(surrogates)
    return [Witness(each, "surrogate") for each in surrogates] + [Witness(each) for each in judges]


@torch.inference_mode()
def verify(
    original: Tensor,
    protected: Tensor,
    witnesses: Sequence[Witness],
    gallery: Sequence[Tensor] = (),
    faces: Sequence[Face] | None = None,
    far: str = DEFAULT_FAR,
    detector: str = "auto",
    on_step: Callable[[int, int], None] = lambda done, of: None,
    decoys: Sequence[Tensor] = (),
    attacks: Sequence[Tried] = VERDICT,
) -> Report:
    """Compare two pictures (1, 3, H, W) of equal size, face by face.

    References are the `gallery` photos when there are any, in each of them whoever resembles the face most, else the
    original itself: the strictest comparison, since nothing resembles a photo more than that photo.
    `decoys` are photos of whom the copy should resemble; how much it does is told, and decides nothing.
    Re-encoding and scaling are real, and faces are found afresh in every copy. `attacks` are what an opponent may
    try besides, on the protected picture; they are told, and decide nothing.
    """
    started = time.perf_counter()
    if original.shape != protected.shape:
        raise InputError(
            f"The two pictures differ in size: {_size(original)} and {_size(protected)}. "
            "Compare a photo with its own protected copy."
        )
    if not witnesses:
        raise InputError("No recogniser was named to judge by.")
    found = find_faces(original, detector=detector) if faces is None else [face.to(original.device) for face in faces]
    ensemble = Ensemble([witness.recogniser for witness in witnesses])
    # A service would be sent another picture for each attack.
    networks = Ensemble([each for each in ensemble.recognisers if isinstance(each, Recogniser)])
    portraits = [embed_faces(ensemble, photo, find_faces(photo, detector=detector), detector) for photo in gallery]
    models = [embed_largest(ensemble, photo, detector) for photo in decoys]
    outside = outside_change(original, protected, found)

    rows = {}
    for region, members in _by_region(found, original).items():
        scenes = region.cut(original), region.cut(protected)
        copies = {name: UPLOADS[name] for name in SHARED_AS}
        seen = embed_copies(ensemble, *scenes, [region.moved(found[index]) for index in members], copies, detector)
        for index, each in zip(members, seen, strict=True):
            tried = {}
            if attacks and networks.recognisers:
                tried = seen_through(networks, scene_of(scenes[1], each.place), attacks)
            people = portraits or [each.before]
            rows[index] = tuple(_row(w, each.before, each.after, tried, people, models, far) for w in witnesses)
            on_step(len(rows), len(found))
    verdicts = [
        FaceVerdict(face.box, rows[index], measure_quality(original, protected, face, outside), face.number)
        for index, face in enumerate(found)
    ]
    report = Report(verdicts, compared_with="gallery" if gallery else "original")
    report.online = [sent for each in witnesses if (sent := each.recogniser.sent(far)) is not None]
    report.evaluations["recogniser"] = ensemble.evaluations + networks.evaluations
    report.seconds = time.perf_counter() - started
    return report


def _by_region(faces: Sequence[Face], image: Tensor) -> dict[Window, list[int]]:
    """The faces' numbers by the part of the picture that is enough to judge them: memory, and time, in large photos."""
    regions: dict[Window, list[int]] = {}
    for index, face in enumerate(faces):
        regions.setdefault(region_of([face], *image.shape[-2:]), []).append(index)
    return regions


Seen = Mapping[str, Sequence[Tensor]]
"""What everybody keeps of some faces, by judge: rows that the judge can compare."""


@dataclass(frozen=True)
class FaceSeen:
    """What everybody keeps of one face."""

    before: Seen
    after: dict[str, Seen]
    """By copy; "plain" is the protected picture as it is."""
    place: Face
    """Where the face is in the protected picture."""


def embed_largest(ensemble: Ensemble[Judge], photo: Tensor, detector: str = "auto") -> Seen:
    """Whom a photo shows above all, a single row."""
    (face,) = find_faces(photo, which="largest", detector=detector)
    return _seen_in(ensemble, photo, face, detector)


def embed_faces(ensemble: Ensemble[Judge], photo: Tensor, faces: Sequence[Face], detector: str = "auto") -> Seen:
    """Everybody in a photo."""
    each = [_seen_in(ensemble, photo, face, detector) for face in faces]
    return {name: [row for seen in each for row in seen[name]] for name in each[0]}


def _seen_in(ensemble: Ensemble[Judge], photo: Tensor, face: Face, detector: str) -> Seen:
    """One face, found again as in the pictures that are compared with it."""
    region = region_of([face], *photo.shape[-2:])
    part = region.cut(photo)
    return ensemble.see(part, find_again(part, region.moved(face), detector))


def embed_copies(
    ensemble: Ensemble[Judge],
    original: Tensor,
    protected: Tensor,
    faces: Sequence[Face],
    copies: Mapping[str, Callable[[Tensor], Tensor]],
    detector: str = "auto",
) -> list[FaceSeen]:
    """Every face of the two pictures and of what `copies` make of the protected one, of which one at a time is held.

    Before is found as after is: a picture that nobody changed resembles others as much as ever.
    """
    seen = []
    for face in faces:
        place = find_again(protected, face, detector)
        before = ensemble.see(original, find_again(original, face, detector))
        seen.append(FaceSeen(before, {"plain": ensemble.see(protected, place)}, place))
    for name, make in copies.items():
        copy = make(protected)
        for face, each in zip(faces, seen, strict=True):
            each.after[name] = ensemble.see(copy, find_again(copy, face, detector))
    return seen


def _row(
    witness: Witness,
    before: Seen,
    after: Mapping[str, Seen],
    tried: Mapping[str, Mapping[str, Tensor]],
    references: Sequence[Seen],
    decoys: Sequence[Seen],
    far: str,
) -> RecogniserVerdict:
    judge, name = witness.recogniser, witness.recogniser.name
    own = before[name][0]

    # A decoy is somebody else, and is sent to nobody.
    compared = decoys if isinstance(judge, Recogniser) else ()
    known, models = ([judge.nearest(own, seen[name]) for seen in people] for people in (references, compared))

    def nearest(face: Tensor, others: list[Tensor] = known) -> float:
        return max(judge.alike(face, other) for other in others)

    scores = {copy: nearest(seen[name][0]) for copy, seen in after.items()}
    start, limit = nearest(own), judge.limit(far)
    if not all(isfinite(score) for score in (start, *scores.values())):
        raise ModelError(f"The recogniser '{name}' returned invalid numbers (NaN); nothing can be said with it.")
    return RecogniserVerdict(
        name=name,
        family=judge.family,
        role=witness.role,
        far=limit.far,
        threshold=limit.threshold,
        before=start,
        after=scores["plain"],
        **{f"after_{copy}": scores[copy] for copy in SHARED_AS},
        matched_before=limit.threshold is not None and start > limit.threshold,
        matched_after=limit.threshold is not None and max(scores.values()) > limit.threshold,
        decoy_before=nearest(own, models) if models else None,
        decoy_after=nearest(after["plain"][name][0], models) if models else None,
        thresholds_from=limit.source,
        attacked={attack: nearest(seen[name][0]) for attack, seen in tried.items() if name in seen},
    )


def _size(image: Tensor) -> str:
    return f"{image.shape[-1]}x{image.shape[-2]}"
