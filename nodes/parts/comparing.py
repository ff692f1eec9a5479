"""What the page shows of a protected picture: before and after, the place where most shows, the verdict as bars.
No ComfyUI import before it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...core.faces.crops import resize
from ...core.images import from_pil, to_bchw, to_bhwc
from ...core.verdict.facts import RecogniserVerdict
from ...core.verdict.report import Report
from ...core.verdict.sheet import life_size

SIDE = 1024
"""Pixels of the longer side that the page is sent: a node is some 400 wide, and a batch may be long."""


@dataclass(frozen=True)
class Compared:
    """One picture's views (1, H, W, 3), and its verdict as the page is sent it."""

    views: dict[str, Tensor]
    verdict: dict[str, object] | None
    """None where no recogniser judged it."""


def compared(before: Tensor, after: Tensor, report: Report | None) -> Compared:
    """A picture (1, H, W, 3) before and after; None is a picture that was not protected, for want of a face."""
    return Compared(views_of(before, after, worst_place(report)), verdict_data(report))


def views_of(before: Tensor, after: Tensor, place: tuple[int, int] | None = None) -> dict[str, Tensor]:
    """Both as large as a node can show, and a place at life size."""
    views = {"before": shrunk(before), "after": shrunk(after)}
    if place is not None:
        views |= {
            f"close_{name}": from_pil(life_size(to_bchw(picture), place))
            for name, picture in (("before", before), ("after", after))
        }
    return views


def shrunk(picture: Tensor) -> Tensor:
    """No larger than a node can show."""
    height, width = picture.shape[1:3]
    scale = SIDE / max(height, width)
    if scale >= 1:
        return picture
    size = max(1, round(height * scale)), max(1, round(width * scale))
    return to_bhwc(resize(to_bchw(picture), *size)).clamp(0, 1)


def worst_place(report: Report | None) -> tuple[int, int] | None:
    """Where most shows of the change, on whichever face that is."""
    seen = [face.quality for face in report.faces if face.quality.worst] if report else []
    return max(seen, key=lambda quality: max(quality.paint, quality.tint)).worst if seen else None


def not_judged(state: str) -> dict[str, object]:
    """The verdict on a picture that nobody judged: it is "untouched" or only "edited"."""
    return {"state": state, "matched_before": 0, "hidden": 0, "independent": None, "faces": []}


def verdict_data(report: Report | None) -> dict[str, object]:
    """The verdict as numbers and states; the page has the words, in the reader's language."""
    if report is None:
        return not_judged("untouched")
    before = {row.name for face in report.faces for row in face.recognisers if row.matched_before}
    after = {row.name for face in report.faces for row in face.recognisers if row.matched_before and row.matched_after}
    faces = [[row_of(row) for row in face.recognisers] for face in report.faces]
    state = "hidden" if report.protected and not after else "known" if before == after else "partly"
    return {
        "state": state if before and report.known else "unknown",
        "matched_before": len(before),
        "hidden": len(before - after),
        "independent": report.independent,
        "faces": faces,
        "numbers": report.numbers,
    }


def row_of(row: RecogniserVerdict) -> dict[str, object]:
    """One recogniser's bar: how alike it finds before and after, at the copy that is most alike."""
    copy = max(row.copies, key=row.copies.__getitem__)
    state = "matched" if row.matched_after else "hidden"
    if row.threshold is None:
        state = "unmeasured"
    elif not row.matched_before:
        state = "stranger"
    return {
        "name": row.name,
        "judge": row.role == "judge",
        "threshold": row.threshold,
        "before": row.before,
        "after": row.closest,
        "copy": copy,
        "state": state,
    }


def batches(rows: Sequence[Compared]) -> list[tuple[str, list[int], Tensor]]:
    """The views of a batch, as few pictures at a time as have one size: name, whose they are, (B, H, W, 3)."""
    groups: dict[tuple[str, torch.Size], list[int]] = {}
    for index, row in enumerate(rows):
        for name, view in row.views.items():
            groups.setdefault((name, view.shape), []).append(index)
    return [
        (name, whose, torch.cat([rows[index].views[name] for index in whose])) for (name, _), whose in groups.items()
    ]


def page_data(rows: Sequence[Compared], pictures: bool = True) -> dict[str, list[dict[str, Any]]]:
    """A node's `ui`, for our page extension (`docs/nodes/compare/`): for each picture the verdict, and where its views
    lie in the temp folder when they are shown.

    Not under "images", which the page would show by itself, and the queue keep as a result.
    """
    from comfy_api.latest import ui

    data: list[dict[str, Any]] = [{"verdict": row.verdict, "views": {}} for row in rows]
    for name, whose, batch in batches(rows) if pictures else ():
        # Without the node, and so without the prompt in the files.
        for index, saved in zip(whose, ui.PreviewImage(batch).as_dict()["images"], strict=True):
            data[index]["views"][name] = dict(saved)
    return {"faceveil": data}
