"""One photo, one method, one family of recognisers left out: protect knowing the photo alone, then ask everybody."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from torch import Tensor

from ..errors import InputError, NoFaceError
from ..faces.face import Face
from ..faces.find import find_faces
from ..images import read_photo, to_bchw, write_photo
from ..photo.protector import Protector
from ..recognisers.recogniser import Recogniser
from ..verdict.quality import measure_quality, outside_change
from .asking import Copies, embeddings, outsiders, similarities
from .layout import person_of
from .memory import peak_memory
from .methods import Method
from .outside import OutsideJudge
from .rows import Key, Row


@dataclass(frozen=True)
class Trial:
    """What to do; equal trials are one trial, so a run that was stopped goes on where it was."""

    method: str
    held_out: str
    """The family that gives no gradient and judges; several joined by "+" are left out together."""
    name: str
    """The photo's, as results and pictures are called: its file's, or in a search PERSON/NAME."""
    photo: Path
    gallery: Path | None = None
    """Another photo of the person; None in a search, where all others are."""
    decoy: Path | None = None
    """In the decoy protocol, whom to resemble; judged by `decoy_again`, which the method never sees."""
    decoy_again: Path | None = None

    @property
    def key(self) -> Key:
        return self.method, self.held_out, self.name, self.decoy.stem if self.decoy else None

    @property
    def called(self) -> str:
        """The photo for whoever reads of it: in a search many are called alike."""
        return self.photo.name if self.gallery else self.name


def split(recognisers: Sequence[Recogniser], held_out: str) -> tuple[list[Recogniser], list[Recogniser]]:
    """Who protects and who judges when a family is left out."""
    left_out = held_out.split("+")
    surrogates = [r for r in recognisers if r.family not in left_out and r.differentiable]
    judges = [r for r in recognisers if r.family in left_out]
    if not surrogates or {r.family for r in judges} != set(left_out):
        known = ", ".join(sorted({r.family for r in recognisers}))
        raise InputError(
            f"Leaving out the family '{held_out}' needs a judge of it and a surrogate of another; there are: {known}."
        )
    return surrogates, judges


def attempt(
    trial: Trial,
    method: Method,
    recognisers: Sequence[Recogniser],
    copies: Copies,
    outside: Sequence[OutsideJudge] = (),
    others: Mapping[str, Path] | None = None,
    seed: int = 0,
    device: str = "cpu",
    picture: Path | None = None,
) -> Row:
    """The trial's row; the protected photo goes to `picture`. In a search, `others` are all its photos by name."""
    surrogates, judges = split(recognisers, trial.held_out)
    used = surrogates[: method.surrogates]
    photo, (gallery, decoy, decoy_again) = read_photo(trial.photo), _others(trial, device)
    protector = Protector(
        method.recipe,
        used,
        decoys=[] if decoy is None else [decoy],
        autoencoder=method.autoencoder(device),
        faces="largest",
        seed=seed,
        device=device,
    )
    started, cpu = time.perf_counter(), time.process_time()
    with peak_memory(device) as memory:
        protected, own = protector(photo)
    row: Row = {
        "method": trial.method,
        "held_out": trial.held_out,
        "photo": trial.name,
        "decoy": trial.decoy and trial.decoy.stem,
        "seed": seed,
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mb": memory.mb,
        "evaluations": own.evaluations,
    }
    if picture:
        write_photo(protected, picture, sources=[trial.photo])
    before, after = (to_bchw(each.pixels).to(device) for each in (photo, protected))
    face = find_faces(before, which="largest")[0]
    row["quality"] = asdict(measure_quality(before, after, face, outside_change(before, after, [face])))
    row["shift"] = landmark_shift(face, after)
    witnesses = [*used, *judges]
    if gallery is None:
        row["person"] = person_of(trial.name)
        row["recognisers"] = embeddings(witnesses, used, before, after, face, copies)
        row["outside"] = outsiders(outside, trial.name, after, others or {}, copies)
    else:
        row["recognisers"] = similarities(witnesses, used, before, after, face, gallery, decoy_again, copies)
        row["outside"] = [judge.row(before, after, gallery, copies) for judge in outside]
    return row


def _others(trial: Trial, device: str) -> list[Tensor | None]:
    return [
        None if path is None else to_bchw(read_photo(path).pixels).to(device)
        for path in (trial.gallery, trial.decoy, trial.decoy_again)
    ]


def landmark_shift(face: Face, after: Tensor) -> float | None:
    """How far a detector's five points moved, as a share of the distance between the eyes; None if it finds none."""
    try:
        moved = find_faces(after, which="nearest", near=tuple(face.points.mean(0).tolist()))[0].points
    except NoFaceError:
        return None
    return float((face.points - moved).norm(dim=1).mean() / (face.points[0] - face.points[1]).norm())


def picture_path(folder: Path, trial: Trial) -> Path:
    """Where a trial's protected photo is kept."""
    towards = f"-as-{trial.decoy.stem}" if trial.decoy else ""
    return folder / trial.method.replace(":", "-") / trial.held_out / f"{trial.name}{towards}.png"
