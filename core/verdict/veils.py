"""What a veil does: similarity and looks over its amount, and on photos that it was not learned from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from ..errors import InputError
from ..faces.crops import region_of
from ..faces.face import Face
from ..images import as_saved
from ..plain import plain
from ..veil.veil import Veil
from .facts import FaceVerdict
from .report import Report
from .verify import DEFAULT_FAR, Witness, verify

AMOUNTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)


@dataclass(frozen=True)
class Point:
    """One face's verdict at one amount."""

    amount: float
    face: FaceVerdict

    @property
    def closest(self) -> dict[str, float]:
        """The highest similarity of any copy, by recogniser."""
        return {row.name: row.closest for row in self.face.recognisers}


def trade_off(
    picture: Tensor,
    face: Face,
    veil: Veil,
    witnesses: Sequence[Witness],
    gallery: Sequence[Tensor] = (),
    far: str = DEFAULT_FAR,
    amounts: Sequence[float] = AMOUNTS,
    on_step: Callable[[int, int], None] = lambda done, of: None,
) -> list[Point]:
    """A face of `picture` (1, 3, H, W) at one amount after the other."""
    points = []
    for amount in amounts:
        points.append(Point(amount, _judged(picture, face, veil, amount, witnesses, gallery, far).faces[0]))
        on_step(len(points), len(amounts))
    return points


def _judged(
    picture: Tensor,
    face: Face,
    veil: Veil,
    amount: float,
    witnesses: Sequence[Witness],
    gallery: Sequence[Tensor],
    far: str,
) -> Report:
    """The verdict on a face under a veil, as a file would hold it; of a large picture the part around it is enough."""
    region = region_of([face], *picture.shape[-2:])
    part, there = region.cut(picture), region.moved(face)
    return verify(part, as_saved(veil.apply(part, [there], amount)), witnesses, gallery, [there], far, attacks=())


def table(points: Sequence[Point]) -> list[str]:
    """The curve as lines: an asterisk where somebody still matches."""
    thresholds = {row.name: row.threshold for row in points[0].face.recognisers}
    lines = [f"{'amount':>6}" + "".join(f"{plain(name)[:20]:>22}" for name in thresholds) + f"{'paint':>8}{'shape':>8}"]
    for point in points:
        cells = ""
        for name, value in point.closest.items():
            limit = thresholds[name]
            cells += f"{value:>21.3f}{'*' if limit is not None and value > limit else ' '}"
        looks = point.face.quality
        lines.append(f"{point.amount:>6.2f}{cells}{looks.paint:>8.2f}{looks.shape:>8.3f}")
    limits = ", ".join(f"{plain(n)} {t:.3f}" for n, t in thresholds.items() if t is not None)
    enough = next((point.amount for point in points if point.face.protected), None)
    least = f"the least amount here at which nobody matches: {enough:.2f}" if enough is not None else "nobody escapes"
    return [*lines, f"* above the threshold ({limits}); {least}."]


def left_out(
    photos: Sequence[tuple[Tensor, Face]],
    folds: int,
    learn: Callable[[list[tuple[Tensor, Face]]], Veil],
    witnesses: Sequence[Witness],
    far: str = DEFAULT_FAR,
) -> list[Report]:
    """The verdict on every photo under a veil that was learned without it, against all of the others."""
    if not 2 <= folds <= len(photos):
        raise InputError(f"{folds} folds need at least 2 and at most as many as there are photos, {len(photos)}.")
    reports: dict[int, Report] = {}
    for fold in range(folds):
        held = range(fold, len(photos), folds)
        veil = learn([photo for index, photo in enumerate(photos) if index not in held])
        for index in held:
            picture, face = photos[index]
            others = [other for place, (other, _) in enumerate(photos) if place != index]
            reports[index] = _judged(picture, face, veil, 1.0, witnesses, others, far)
    return [reports[index] for index in sorted(reports)]


def in_words(reports: Sequence[Report]) -> list[str]:
    """What to expect of a new photo of the same person, a line for each recogniser."""
    rows = [row for report in reports for row in report.faces[0].recognisers]
    lines = []
    for name in dict.fromkeys(row.name for row in rows):
        mine = [row for row in rows if row.name == name and row.matched_before]
        hidden = sum(not row.matched_after for row in mine)
        lines.append(f"left-out photos that {plain(name)} no longer matches: {hidden} of {len(mine)}")
    looks = [report.faces[0].quality for report in reports]
    paint, shape = (sum(getattr(look, name) for look in looks) / len(looks) for name in ("paint", "shape"))
    return [*lines, f"looks on left-out photos: paint {paint:.2f}, shape {shape:.3f}"]
