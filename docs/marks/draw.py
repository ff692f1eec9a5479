"""`python docs/marks/draw.py`: the pack's icon and banner, for the registry. Drawn large and made smaller: no edges."""

from __future__ import annotations

import math
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parent
LARGE = 4
"""Times the size that is written."""
NIGHT, DUSK, SKIN, LIGHT, VEIL = (18, 24, 46), (48, 40, 92), (255, 214, 186), (250, 246, 240), (112, 224, 208)


def ground(width: int, height: int) -> Image.Image:
    """From night at the top to dusk at the bottom."""
    column = Image.linear_gradient("L").resize((width, height))
    return Image.composite(Image.new("RGB", (width, height), DUSK), Image.new("RGB", (width, height), NIGHT), column)


def person(side: int) -> Image.Image:
    """Head and shoulders, as a mask."""
    mask = Image.new("L", (side, side))
    draw = ImageDraw.Draw(mask)
    draw.ellipse([side * part for part in (0.335, 0.19, 0.665, 0.62)], fill=255)
    draw.rectangle([side * part for part in (0.435, 0.5, 0.565, 0.72)], fill=255)
    draw.ellipse([side * part for part in (0.24, 0.66, 0.76, 1.1)], fill=255)
    mask.paste(0, (0, round(side * 0.8), side, side))
    return mask


def veiled(mask: Image.Image, bands: int = 13) -> Image.Image:
    """The right half of the person as waves that lie a little beside where they were."""
    side = mask.width
    out = Image.new("L", mask.size)
    for band in range(bands * 2):
        top, bottom = (round(side * (band + part) / (bands * 2)) for part in (0, 0.62))
        strip = mask.crop((side // 2, top, side, bottom))
        shift = round(side * 0.022 * (1 + math.sin(band * 1.7)))
        out.paste(strip, (side // 2 + shift, top))
    return out


def frame(draw: ImageDraw.ImageDraw, side: int) -> None:
    """The corners that a face detector draws; the one on the veiled side is missing."""
    near, far, long, wide = (round(side * part) for part in (0.13, 0.87, 0.15, 0.028))
    for x, y in ((near, near), (far, near), (near, far)):
        right, down = (1 if value == near else -1 for value in (x, y))
        for end in ((x + right * long, y), (x, y + down * long)):
            box = [min(x, end[0]), min(y, end[1]), max(x, end[0]), max(y, end[1])]
            draw.rounded_rectangle(
                [box[0] - wide / 2, box[1] - wide / 2, box[2] + wide / 2, box[3] + wide / 2], wide / 2, fill=LIGHT
            )


def mark(side: int) -> Image.Image:
    """The icon with a transparent ground."""
    whole = person(side)
    left = whole.copy()
    left.paste(0, (side // 2, 0, side, side))
    out = Image.new("RGBA", (side, side))
    out.paste((*SKIN, 255), (0, 0), left)
    out.paste((*VEIL, 255), (0, 0), veiled(whole))
    frame(ImageDraw.Draw(out), side)
    return out


def icon(side: int = 400) -> Image.Image:
    picture, drawn = ground(side * LARGE, side * LARGE), mark(side * LARGE)
    picture.paste(drawn, (0, 0), drawn)
    return picture.resize((side, side), Image.Resampling.LANCZOS)


def banner(width: int = 1344, height: int = 576) -> Image.Image:
    """21 to 9, as the registry shows it."""
    wide, high = width * LARGE, height * LARGE
    picture, drawn = ground(wide, high), mark(round(high * 0.86))
    picture.paste(drawn, (round(wide * 0.05), round(high * 0.07)), drawn)
    draw, left = ImageDraw.Draw(picture), round(wide * 0.46)
    for text, top, size, colour in (
        ("FaceVeil", 0.27, 0.2, LIGHT),
        ("Portraits for people,", 0.53, 0.072, SKIN),
        ("not for face recognition.", 0.635, 0.072, VEIL),
    ):
        draw.text((left, high * top), text, fill=colour, font=ImageFont.load_default(high * size))
    return picture.resize((width, height), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    icon().save(HERE / "icon.png", optimize=True)
    banner().save(HERE / "banner.png", optimize=True)
