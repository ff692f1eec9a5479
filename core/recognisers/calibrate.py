"""Thresholds measured on pairs of photos: what cosine means 'same person' at a false-accept rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ..errors import InputError, NoFaceError, OutputError
from ..faces.align import align
from ..faces.find import find_faces
from ..images import pairs_in, read_photo, to_bchw
from .card import Card, write_card
from .catalogue import calibration_file
from .recogniser import Recogniser

RATES = ("1e-1", "1e-2", "1e-3", "1e-4")


@dataclass(frozen=True)
class Calibration:
    """Measured thresholds with what they were measured on."""

    thresholds: dict[str, float]
    tar: dict[str, float]
    """Share of genuine pairs above the threshold, by false-accept rate."""
    genuine: int
    impostors: int
    without_face: list[str]


def thresholds_from(genuine: Tensor, impostors: Tensor) -> tuple[dict[str, float], dict[str, float]]:
    """Thresholds and true-accept rates by false-accept rate.

    A rate is left out when fewer than ten impostor pairs would lie above its threshold, for such a figure would be
    noise, and when its threshold is that of the rate before: then it says nothing new.
    """
    ranked = impostors.sort(descending=True).values
    thresholds: dict[str, float] = {}
    tar: dict[str, float] = {}
    for rate in RATES:
        above = int(float(rate) * len(ranked))
        if above >= 10 and float(ranked[above]) > max(thresholds.values(), default=-2):
            thresholds[rate] = float(ranked[above])
            tar[rate] = float((genuine > ranked[above]).float().mean())
    return thresholds, tar


@torch.inference_mode()
def embed_file(recogniser: Recogniser, path: Path, device: str = "cpu") -> Tensor:
    """The embedding (dim,) of the largest face in a photo, on the CPU wherever the recogniser computes."""
    image = to_bchw(read_photo(path).pixels).to(device)
    face = find_faces(image, which="largest")[0]
    crop = align(image, face.points[None], recogniser.card.template, recogniser.card.input_size)
    return recogniser.embed(crop)[0].cpu()


def calibrate(
    recogniser: Recogniser,
    folder: Path,
    on_step: Callable[[int, int], None] = lambda done, of: None,
    device: str = "cpu",
) -> Calibration:
    """Measure a recogniser, which is on `device`, on every pair and every cross pair of a folder."""
    pairs, first, second, without_face = pairs_in(folder), [], [], []
    for index, (a, b) in enumerate(pairs):
        try:
            embedded = embed_file(recogniser, a, device), embed_file(recogniser, b, device)
        except NoFaceError:
            without_face.append(a.stem)
        else:
            first.append(embedded[0])
            second.append(embedded[1])
        on_step(index + 1, len(pairs))
    if len(first) < 4:
        raise InputError(
            f"Only {len(first)} pairs in {folder} show a face; thresholds need at least 4, and 36 or more to mean much."
        )
    # Rounding leads beyond 1, where no cosine is, and no description of a recogniser would be read again.
    similarity = (torch.stack(first) @ torch.stack(second).T).clamp(-1, 1)
    genuine = similarity.diagonal()
    impostors = similarity[~torch.eye(len(first), dtype=torch.bool)]
    return Calibration(*thresholds_from(genuine, impostors), len(genuine), len(impostors), without_face)


def store(recogniser: Recogniser, path: Path | None, calibration: Calibration, folder: Path) -> tuple[Card, Path]:
    """Keep measured thresholds where the catalogue finds them; returns the new card and its file."""
    if not calibration.thresholds:
        raise InputError(
            f"{calibration.impostors} cross pairs are too few for any threshold; use at least 11 pairs of photos."
        )
    card = replace(
        recogniser.card,
        thresholds=calibration.thresholds,
        tar=calibration.tar,
        thresholds_from=f"{calibration.genuine} pairs and {calibration.impostors} cross pairs of '{folder.name}'",
    )
    target = calibration_file(card.name, path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_card(card, target)
    except OSError as error:
        raise OutputError(f"The thresholds could not be written to {target}: {error.strerror}.") from error
    return card, target
