"""The picture of a verdict: original, protected, amplified difference, and bars against thresholds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from textwrap import wrap

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ..faces.crops import resize, window_around
from ..faces.face import Face
from ..images import Photo, from_pil, to_bhwc, to_pil, write_photo
from .facts import FaceVerdict
from .report import Report

TILE, BAR, PAD = 320, 26, 12
AMPLIFY = 8
_INK, _PAPER, _GOOD, _BAD, _FAINT = (30, 30, 34), (250, 250, 248), (46, 125, 80), (190, 60, 50), (190, 190, 188)


def draw_sheet(original: Tensor, protected: Tensor, report: Report) -> Image.Image:
    """One row of pictures and bars per face; pictures are (1, 3, H, W)."""
    rows = [_face_row(original, protected, face) for face in report.faces]
    width = max(row.width for row in rows)
    wrapped = wrap(report.sentence(), width // 7)
    top = 20 * len(wrapped) + 20
    sheet = Image.new("RGB", (width, sum(row.height for row in rows) + top), _PAPER)
    for index, line in enumerate(wrapped):
        ImageDraw.Draw(sheet).text((PAD, 10 + 20 * index), line, fill=_INK, font=font(15))
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    return sheet


def write_sheet(original: Tensor, protected: Tensor, report: Report, path: Path, sources: Iterable[Path] = ()) -> None:
    """Draw the sheet and write it, never over one of the `sources`."""
    write_photo(Photo(from_pil(draw_sheet(original, protected, report))), path, sources=sources)


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _face_row(original: Tensor, protected: Tensor, face: FaceVerdict) -> Image.Image:
    window = window_around(Face(face.box, torch.zeros(5, 2)), margin=0.25)
    a, b = window.cut(original), window.cut(protected)
    difference = ((b - a) * AMPLIFY + 0.5).clamp(0, 1)
    tiles = [("original", a), ("protected", b), (f"difference x{AMPLIFY}", difference)]
    bars_width = 460
    upper = TILE + 26
    height = max(upper + 24 + TILE + 26, 30 + len(face.recognisers) * (6 * (BAR // 2 + 3) + 4) + 40)
    row = Image.new("RGB", (PAD + 3 * (TILE + PAD) + bars_width, height), _PAPER)
    draw = ImageDraw.Draw(row)
    for index, (title, tile) in enumerate(tiles):
        left = PAD + index * (TILE + PAD)
        tall, wide = tile.shape[-2:]
        scale = TILE / max(tall, wide)
        picture = to_pil(to_bhwc(resize(tile, max(1, round(tall * scale)), max(1, round(wide * scale)))))
        row.paste(picture, (left, 22))
        draw.text((left, 2), title, fill=_INK, font=font(13))
    worst = face.quality.worst
    for index, (title, full) in enumerate((("original", original), ("protected", protected))):
        if worst is not None:
            left = PAD + index * (TILE + PAD)
            row.paste(life_size(full, worst), (left, upper + 24))
            draw.text((left, upper + 4), f"{title} at 100 %, where most shows", fill=_INK, font=font(13))
    _draw_bars(draw, face, PAD + 3 * (TILE + PAD), bars_width - PAD)
    figures = f"{face.quality.words()}; outside the faces {face.quality.outside_words()}"
    draw.text((PAD, height - 17), figures, fill=_INK, font=font(12))
    return row


def life_size(picture: Tensor, place: tuple[int, int]) -> Image.Image:
    """What lies around a place of a picture (1, 3, H, W), pixel by pixel: shrunk to a tile a scar is not seen."""
    height, width = picture.shape[-2:]
    left, top = (
        min(max(0, at - TILE // 2), max(0, side - TILE)) for at, side in zip(place, (width, height), strict=True)
    )
    return to_pil(to_bhwc(picture[..., top : top + TILE, left : left + TILE]))


def _draw_bars(draw: ImageDraw.ImageDraw, face: FaceVerdict, left: int, width: int) -> None:
    """Similarities from 0 to 1; the tick is the threshold, red lies above it."""
    label, top, step = 118, 4, BAR // 2 + 3
    span = width - label - 44
    for verdict in face.recognisers:
        draw.text((left, top), f"{verdict.name} ({verdict.role}, FAR {verdict.far})", fill=_INK, font=font(12))
        top += step
        tick = None if verdict.threshold is None else left + label + span * verdict.threshold
        for title in ("before", "after", "after_jpeg75", "after_jpeg50", "after_half"):
            value = getattr(verdict, title)
            matched = verdict.threshold is not None and value > verdict.threshold
            end = left + label + span * min(max(value, 0), 1)
            draw.text((left + 8, top), title.replace("_", " "), fill=_INK, font=font(11))
            draw.rectangle(
                (left + label, top + 1, max(end, left + label + 1), top + step - 5), fill=_BAD if matched else _GOOD
            )
            draw.text((left + label + span + 6, top), f"{value:.3f}", fill=_INK, font=font(11))
            if tick is not None:
                draw.line((tick, top - 1, tick, top + step - 3), fill=_INK, width=2)
            top += step
        draw.line((left, top, left + width, top), fill=_FAINT)
        top += 4
