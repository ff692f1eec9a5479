"""The picture of a veil's curve: similarity against thresholds, and looks, over the amount."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from ..images import Photo, from_pil, write_photo
from ..plain import plain
from .sheet import font
from .veils import Point

_WIDTH, _HEIGHT, _GAP = 480, 320, 56
_INK, _PAPER, _FAINT = (30, 30, 34), (250, 250, 248), (205, 205, 202)
_COLOURS = ((38, 98, 160), (190, 60, 50), (46, 125, 80), (140, 90, 170), (200, 130, 30), (90, 90, 96))
_LOOKS = {"paint": 1.0, "tint": 1.0, "shape": 10.0}
"""What is drawn of looks, and by how much it is multiplied to share an axis."""


def draw_curve(points: Sequence[Point]) -> Image.Image:
    """Left: each recogniser's highest similarity of any copy, its threshold dotted. Right: how visible it is."""
    picture = Image.new("RGB", (2 * _WIDTH + 3 * _GAP, _HEIGHT + 2 * _GAP), _PAPER)
    draw, most = ImageDraw.Draw(picture), max(max(point.amount for point in points), 1e-6)
    alike = {name: [point.closest[name] for point in points] for name in points[0].closest}
    limits = {row.name: row.threshold for row in points[0].face.recognisers}
    looks = {
        name if scale == 1 else f"{name} x{scale:.0f}": [scale * getattr(p.face.quality, name) for p in points]
        for name, scale in _LOOKS.items()
    }
    highest = max(1.0, *(value for row in looks.values() for value in row))
    none: dict[str, float | None] = {}
    panels = (("similarity (dotted: threshold)", alike, limits, 1.0), ("how visible", looks, none, highest))
    for index, (title, rows, dotted, top) in enumerate(panels):
        left = _GAP + index * (_WIDTH + _GAP)
        _axes(draw, left, title, top, most)
        for number, (name, values) in enumerate(rows.items()):
            colour = _COLOURS[number % len(_COLOURS)]
            places = [
                (left + _WIDTH * point.amount / most, _level(value, top))
                for point, value in zip(points, values, strict=True)
            ]
            draw.line(places, fill=colour, width=2)
            for x, y in places:
                draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=colour)
            draw.text((left + 8, _GAP + 6 + 15 * number), plain(name)[:30], fill=colour, font=font(12))
            limit = dotted.get(name)
            if limit is not None:
                y = _level(limit, top)
                for x in range(left, left + _WIDTH, 10):
                    draw.line((x, y, x + 4, y), fill=colour)
    return picture


def write_curve(points: Sequence[Point], path: Path, sources: Iterable[Path] = ()) -> None:
    """Draw the curve and write it, never over one of the `sources`."""
    write_photo(Photo(from_pil(draw_curve(points))), path, sources=sources)


def _axes(draw: ImageDraw.ImageDraw, left: int, title: str, top: float, most: float) -> None:
    draw.text((left, _GAP - 24), title, fill=_INK, font=font(13))
    for step in range(6):
        y = _level(top * step / 5, top)
        draw.line((left, y, left + _WIDTH, y), fill=_FAINT if step else _INK)
        draw.text((left - 6, y), f"{top * step / 5:.1f}", fill=_INK, font=font(11), anchor="rm")
        x = left + _WIDTH * step / 5
        draw.text((x, _GAP + _HEIGHT + 6), f"{most * step / 5:.1f}", fill=_INK, font=font(11), anchor="ma")
    draw.text((left + _WIDTH, _GAP + _HEIGHT + 24), "amount", fill=_INK, font=font(12), anchor="ra")


def _level(value: float, top: float) -> float:
    return _GAP + _HEIGHT * (1 - min(max(value / top, 0.0), 1.0))
