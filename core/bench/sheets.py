"""Pictures to look at, since numbers have called scarred faces good: the best, the median and the worst."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont

from ..faces.crops import resize, window_around
from ..faces.find import find_faces
from ..images import read_photo, to_bchw, to_bhwc, to_pil
from .rows import Row, judged

TILE, TEXT, COUNT = 320, 18, 4


def closeness(row: Row) -> float:
    """How near the nearest judge still is: above 0 it matches."""
    return max(
        seen["after"]["plain"] - seen["thresholds"]["1e-2"]
        for _, seen in judged([row])
        if seen["thresholds"].get("1e-2") is not None
    )


ORDERS: dict[str, Callable[[Row], float]] = {
    "visibility": lambda row: row["quality"]["lpips_vgg"] or row["quality"]["face_dssim"],
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
    columns = min(COUNT, len(shown))
    tall = 2 * TILE + TEXT
    sheet = Image.new("RGB", (columns * TILE, -(-len(shown) // columns) * tall), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for index, (name, row) in enumerate(shown):
        left, top = index % columns * TILE, index // columns * tall
        for step, tile in enumerate(_pair(photo(row), picture(row))):
            sheet.paste(tile, (left, top + TEXT + step * TILE))
        words = f"{name} {row['photo']}, judge {row['held_out']}: {order} {ORDERS[order](row):.3f}".strip()
        pen.text((left + 4, top + 2), words, fill="black", font=font)
    return sheet


@torch.inference_mode()
def _pair(photo: Path, picture: Path) -> Iterable[Image.Image]:
    before, after = (to_bchw(read_photo(path).pixels) for path in (photo, picture))
    window = window_around(find_faces(before, which="largest")[0], 0.15)
    return [to_pil(to_bhwc(resize(window.cut(each), TILE, TILE).clamp(0, 1))) for each in (before, after)]
