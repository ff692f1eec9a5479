"""Pictures to look at, since numbers have called scarred faces good: the best, the median and the worst."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, isnan
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ..faces.crops import window_around
from ..faces.find import find_faces
from ..images import draw_grid, read_photo, to_bchw
from .rows import Row, judged, lead

COUNT = 4
"""How many of each kind a sheet shows."""


VISIBLE = ("paint", "lpips_vgg", "face_dssim")
"""What sheets go by: the first of these that was measured, nearest to what people see first."""


def closeness(row: Row) -> float:
    """How near the nearest judge still is, in deviations of its impostors: above 0 it matches. -inf: nobody can say."""
    known = [-lead([pair]) for pair in judged([row])]
    return max((each for each in known if not isnan(each)), default=-inf)


ORDERS: dict[str, Callable[[Row], float]] = {
    "visibility": lambda row: next(x for x in map(row["quality"].get, VISIBLE) if x is not None),
    "failure": closeness,
}


def chosen(rows: Sequence[Row], order: Callable[[Row], float], count: int = COUNT) -> list[tuple[str, Row]]:
    """The `count` best, median and worst, in that order; fewer rows are all shown once."""
    ranked = sorted(rows, key=order)
    if len(ranked) <= 3 * count:
        return [("", row) for row in ranked]
    middle = len(ranked) // 2 - count // 2
    parts = {"best": ranked[:count], "median": ranked[middle : middle + count], "worst": ranked[-count:]}
    return [(name, row) for name, some in parts.items() for row in some]


def draw(rows: Sequence[Row], order: str, photo: Callable[[Row], Path], picture: Callable[[Row], Path]) -> Image.Image:
    """Originals above protected faces, both enlarged; `photo` and `picture` say where they lie."""
    shown = chosen(rows, ORDERS[order])
    tiles: list[tuple[str, Tensor]] = []
    for first in range(0, len(shown), COUNT):
        some = shown[first : first + COUNT]
        pairs = [_pair(photo(row), picture(row)) for _, row in some]
        titles = [f"{name} {row['photo']}, judge {row['held_out']}".strip() for name, row in some]
        empty = [("", torch.ones(1, 3, 1, 1))] * (COUNT - len(some))
        tiles += [*((title, pair[0]) for title, pair in zip(titles, pairs, strict=True)), *empty]
        figures = [f"{order} {ORDERS[order](row):.3f}" for _, row in some]
        tiles += [*((figure, pair[1]) for figure, pair in zip(figures, pairs, strict=True)), *empty]
    return draw_grid(tiles, COUNT)


@torch.inference_mode()
def _pair(photo: Path, picture: Path) -> tuple[Tensor, Tensor]:
    before, after = (to_bchw(read_photo(path).pixels) for path in (photo, picture))
    window = window_around(find_faces(before, which="largest")[0], 0.15)
    return window.cut(before), window.cut(after)
