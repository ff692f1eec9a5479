"""Pictures side by side under their titles: what sheets for people to look at are made of."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from .photo import to_bhwc, to_pil

_TITLE = 20


def draw_grid(tiles: Sequence[tuple[str, Tensor]], columns: int, side: int = 320) -> Image.Image:
    """Square tiles of `side` pixels, row by row; each (title, picture), pictures (1, 3, H, W) fitted and centred."""
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * side, rows * (side + _TITLE)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for index, (title, picture) in enumerate(tiles):
        left, top = index % columns * side, index // columns * (side + _TITLE)
        tile = to_pil(to_bhwc(picture.clamp(0, 1)))
        scale = side / max(tile.size)
        tile = tile.resize([max(1, round(length * scale)) for length in tile.size], Image.Resampling.LANCZOS)
        sheet.paste(tile, (left + (side - tile.width) // 2, top + _TITLE + (side - tile.height) // 2))
        pen.text((left + 4, top + 2), title, fill="black", font=font)
    return sheet
