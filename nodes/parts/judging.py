"""The verdict over a batch of pictures. No ComfyUI import."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...core.errors import FaceVeilError, InputError, NoFaceError
from ...core.faces.face import Face
from ...core.faces.find import find_faces
from ...core.images import from_pil, to_bchw
from ...core.recognisers.automatic import DEFAULT_RATE
from ...core.verdict.facts import FaceVerdict
from ...core.verdict.report import Report
from ...core.verdict.sheet import draw_sheet
from ...core.verdict.verify import Witness, verify
from .comparing import Compared, compared, views_of
from .finding import named

LOOKED_AT = 8
"""Pictures of a batch that nodes without a search show with their verdict: a look takes a second or two, and of frames
nobody turns over hundreds."""


@dataclass(frozen=True)
class Judgement:
    """The verdict on a batch."""

    text: str
    sheets: Tensor
    """(B, H, W, 3), one sheet a picture with a face."""
    score: float
    protected: bool
    reports: list[Report | None]
    """Each picture's; None where no face was found."""


def judge_pictures(
    originals: Sequence[Tensor],
    protecteds: Sequence[Tensor],
    witnesses: Sequence[Witness],
    gallery: Sequence[Tensor] = (),
    which: str = "all",
    far: str = "1e-2",
    device: str = "cpu",
    faces: Sequence[Sequence[Face]] | None = None,
    on_picture: Callable[[int], None] = lambda done: None,
) -> Judgement:
    """Compare pictures (1, H, W, 3) with their protected copies; `gallery` (1, 3, H, W).

    Among several, pictures without a face have nothing to be matched and are only mentioned.
    """
    count = len(originals)
    if len(protecteds) != count:
        raise InputError(
            f"There are {count} originals and {len(protecteds)} protected pictures: connect as many of one as of the "
            "other, in the same order."
        )
    if faces is not None and len(faces) != count:
        raise InputError(f"Faces were found in {len(faces)} pictures, but {count} are to be judged.")
    reports: list[Report | None] = []
    sheets, texts = [], []
    for index, pair in enumerate(zip(originals, protecteds, strict=True)):
        original, protected = (to_bchw(picture).to(device) for picture in pair)
        try:
            given = None if faces is None else faces[index]
            report = report_on(original, protected, witnesses, gallery, which, far, given)
        except NoFaceError as error:
            if count == 1:
                raise
            reports.append(None)
            texts.append(f"picture {index + 1} of {count}\nnot judged: {error}")
        except FaceVeilError as error:
            raise named(error, index, count) from error
        else:
            reports.append(report)
            sheets.append(from_pil(draw_sheet(original.cpu(), protected.cpu(), report)))
            texts.append(report.text() if count == 1 else f"picture {index + 1} of {count}\n{report.text()}")
        on_picture(index + 1)
    judged = [report for report in reports if report]
    if not judged:
        raise NoFaceError(f"None of the {count} pictures shows a face: there is nothing to judge.")
    return Judgement(
        "\n\n".join(texts),
        stack(sheets),
        min(closest_call(report, witnesses) for report in judged),
        all(report.protected for report in judged),
        reports,
    )


def report_on(
    original: Tensor,
    protected: Tensor,
    witnesses: Sequence[Witness],
    gallery: Sequence[Tensor],
    which: str,
    far: str,
    faces: Sequence[Face] | None,
) -> Report:
    """The verdict on one picture (1, 3, H, W): on the faces given, or on those that are found."""
    chosen = list(faces) if faces is not None else find_faces(original, which=which)
    if not chosen:
        raise NoFaceError("No face was found in this picture.")
    return verify(original, protected, witnesses, gallery, chosen, far)


def look_at(
    originals: Sequence[Tensor],
    results: Sequence[Tensor],
    witnesses: Sequence[Witness],
    faces: Sequence[Sequence[Face]],
    device: str = "cpu",
    on_picture: Callable[[int], None] = lambda done: None,
) -> list[Compared]:
    """What a node shows of its first pictures (1, H, W, 3): before and after, and the witnesses' verdict on its faces.

    In the originals they are those that the node has worked on, and nobody looks for them again; in every copy they are
    looked for afresh, for that is what a stranger's recogniser will do.
    """
    rows = []
    for index, (before, after) in enumerate(zip(originals[:LOOKED_AT], results[:LOOKED_AT], strict=True)):
        if not witnesses:
            rows.append(Compared(views_of(before, after), None))
            continue
        was, now = to_bchw(before).to(device), to_bchw(after).to(device)
        report = verify(was, now, witnesses, (), faces[index], DEFAULT_RATE) if faces[index] else None
        rows.append(compared(before, after, report))
        on_picture(index + 1)
    return rows


def closest_call(report: Report, witnesses: Sequence[Witness]) -> float:
    """How far below its threshold the most similar copy stays, in standard deviations of strangers' similarities.

    Above 0 nobody whose word counts matches any copy of any face. In these units figures of different
    recognisers compare. 0 when nobody's word counts.
    """
    return min((_closest(face, witnesses) for face in report.faces), default=0.0)


def _closest(face: FaceVerdict, witnesses: Sequence[Witness]) -> float:
    judges = {witness.recogniser.name: witness.recogniser for witness in witnesses}
    rooms = [
        (row.threshold - row.closest) / judges[row.name].spread for row in face.deciding if row.threshold is not None
    ]
    return min(rooms, default=0.0)


def stack(sheets: Sequence[Tensor]) -> Tensor:
    """Sheets (1, H, W, 3) of different sizes as one batch; what a smaller one lacks is white."""
    height, width = (max(sheet.shape[side] for sheet in sheets) for side in (1, 2))
    batch = torch.ones(len(sheets), height, width, 3)
    for row, sheet in zip(batch, sheets, strict=True):
        row[: sheet.shape[1], : sheet.shape[2]] = sheet[0]
    return batch
