"""The verdict: does a recogniser still know who this is, before and after, plain and shared?"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite

import torch
from torch import Tensor

from ..errors import InputError, ModelError, NoFaceError
from ..faces.crops import Window, window_around
from ..faces.face import Face
from ..faces.find import find_faces
from ..recognisers.ensemble import Ensemble
from ..recognisers.recogniser import Recogniser
from ..sharing.upload import UPLOADS
from .quality import measure_quality, outside_change
from .report import FaceVerdict, RecogniserVerdict, Report

SHARED_AS = ("jpeg75", "jpeg50", "half")
DEFAULT_FAR = "1e-2"


@dataclass(frozen=True)
class Witness:
    """A recogniser and the part it plays: "surrogate" or "judge"."""

    recogniser: Recogniser
    role: str = "judge"


def find_again(image: Tensor, face: Face, detector: str) -> Face:
    """The face where a stranger's detector sees it now; success at the old points alone proves nothing.

    Looked for in a window around the old place; when nothing is found there, the old points stand.
    """
    window = window_around(face)
    try:
        found = find_faces(window.cut(image), detector=detector)
    except NoFaceError:
        return face
    best = min(found, key=lambda other: _distance(other, face, window))
    if _distance(best, face, window) > 0.5 * face.size:
        return face
    left, top, right, bottom = best.box
    box = (left + window.left, top + window.top, right + window.left, bottom + window.top)
    return Face(box, best.points + best.points.new_tensor([window.left, window.top]), best.score)


def _distance(found: Face, face: Face, window: Window) -> float:
    return float((found.points.mean(0) - window.shift(face.points).mean(0)).norm())


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
) -> Report:
    """Compare two pictures (1, 3, H, W) of equal size, face by face.

    References are the `gallery` photos' largest faces when there are any, else the original
    itself: the strictest comparison, since nothing resembles a photo more than that photo.
    Re-encoding and scaling are real, and faces are found afresh in every copy.
    """
    started = time.perf_counter()
    if original.shape != protected.shape:
        raise InputError(
            f"The two pictures differ in size: {_size(original)} and {_size(protected)}. "
            "Compare a photo with its own protected copy."
        )
    if not witnesses:
        raise InputError("No recogniser was named to judge by.")
    found = list(faces) if faces is not None else find_faces(original, detector=detector)
    copies = {"plain": protected, **{name: UPLOADS[name](protected) for name in SHARED_AS}}
    ensemble = Ensemble([witness.recogniser for witness in witnesses])
    portraits = [
        ensemble.embed(photo, find_faces(photo, which="largest", detector=detector)[0].points[None])
        for photo in gallery
    ]
    outside = outside_change(original, protected, found)

    verdicts = []
    for index, face in enumerate(found):
        before = ensemble.embed(original, face.points[None])
        after = {
            name: ensemble.embed(copy, find_again(copy, face, detector).points[None]) for name, copy in copies.items()
        }
        rows = tuple(_row(w, before, after, portraits or [before], far) for w in witnesses)
        verdicts.append(FaceVerdict(face.box, rows, measure_quality(original, protected, face, outside)))
        on_step(index + 1, len(found))
    report = Report(verdicts, compared_with="gallery" if gallery else "original")
    report.evaluations["recogniser"] = ensemble.evaluations
    report.seconds = time.perf_counter() - started
    return report


def _row(
    witness: Witness,
    before: dict[str, Tensor],
    after: dict[str, dict[str, Tensor]],
    references: list[dict[str, Tensor]],
    far: str,
) -> RecogniserVerdict:
    card, name = witness.recogniser.card, witness.recogniser.name

    def nearest(embedding: Tensor) -> float:
        return max(float(embedding[0] @ reference[name][0]) for reference in references)

    scores = {copy: nearest(embedded[name]) for copy, embedded in after.items()}
    threshold = card.thresholds.get(far)
    start = nearest(before[name])
    if not all(isfinite(score) for score in (start, *scores.values())):
        raise ModelError(f"The recogniser '{name}' returned invalid numbers (NaN); nothing can be said with it.")
    return RecogniserVerdict(
        name=name,
        family=witness.recogniser.family,
        role=witness.role,
        far=far,
        threshold=threshold,
        before=start,
        after=scores["plain"],
        **{f"after_{copy}": scores[copy] for copy in SHARED_AS},
        matched_before=threshold is not None and start > threshold,
        matched_after=threshold is not None and max(scores.values()) > threshold,
    )


def _size(image: Tensor) -> str:
    return f"{image.shape[-1]}x{image.shape[-2]}"
