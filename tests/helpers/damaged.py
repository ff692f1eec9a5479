"""Damaged and odd photo files, made of sound ones."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Iterator
from io import BytesIO

import numpy as np
from PIL import Image

FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "tiff": "TIFF", "bmp": "BMP", "gif": "GIF"}


def encode(image: Image.Image, extension: str, **options: object) -> bytes:
    out = BytesIO()
    image.save(out, FORMATS[extension], **options)
    return out.getvalue()


def sound_files() -> list[tuple[str, bytes]]:
    """Small whole files, several of every format, that the damage starts from."""
    y, x = np.mgrid[0:66, 0:80]
    noise = np.random.default_rng(3).integers(0, 40, (66, 80))
    rgb = Image.fromarray(np.stack([x * 3, y * 3, (x + y) + noise], 2).clip(0, 255).astype(np.uint8))
    rgba = rgb.copy()
    rgba.putalpha(Image.fromarray((y * 3).astype(np.uint8)))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x8825] = 6, "Maker", {1: "N", 2: (1.0, 2.0, 3.0)}
    sound = [(extension, encode(rgb, extension)) for extension in FORMATS]
    for extension in ("png", "jpg", "webp", "tiff"):
        sound.append((extension, encode(rgb, extension, exif=exif.tobytes(), icc_profile=bytes(200))))
    sound += [(extension, encode(rgba, extension)) for extension in ("png", "webp", "tiff")]
    sound.append(("png", encode(rgb.quantize(32), "png", transparency=3)))
    sound.append(("png", encode(Image.fromarray((x * 700).astype(np.uint16)), "png")))
    sound.append(("png", encode(rgb.convert("1"), "png")))
    sound.append(("jpg", encode(rgb.convert("CMYK"), "jpg")))
    sound.append(("jpg", encode(rgb, "jpg", progressive=True)))
    sound.append(("webp", encode(rgb, "webp", lossless=True)))
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"):
        sound.append(("tiff", encode(rgb, "tiff", compression=compression)))
    for extension in ("gif", "webp", "png"):
        sound.append((extension, encode(rgb, extension, save_all=True, append_images=[rgb.rotate(90)])))
    return sound


def with_size(extension: str, data: bytes, width: int, height: int) -> bytes:
    """The same file claiming another size in its header."""
    changed = bytearray(data)
    if extension == "png":
        changed[16:24] = struct.pack(">II", width, height)
        changed[29:33] = struct.pack(">I", zlib.crc32(changed[12:29]))
    elif extension == "bmp":
        changed[18:26] = struct.pack("<II", width, height)
    elif extension == "gif":
        changed[6:10] = struct.pack("<HH", min(width, 65535), min(height, 65535))
    elif extension == "jpg":
        at = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
        changed[at + 5 : at + 9] = struct.pack(">HH", min(height, 65535), min(width, 65535))
    elif extension == "tiff":
        at = struct.unpack("<I", data[4:8])[0]
        for entry in range(at + 2, at + 2 + 12 * struct.unpack("<H", data[at : at + 2])[0], 12):
            tag = struct.unpack("<H", data[entry : entry + 2])[0]
            if tag in (256, 257):
                changed[entry + 2 : entry + 12] = struct.pack("<HII", 4, 1, width if tag == 256 else height)
    elif data[12:16] == b"VP8X":
        changed[24:30] = struct.pack("<I", (width - 1) % 2**24)[:3] + struct.pack("<I", (height - 1) % 2**24)[:3]
    else:
        changed[26:30] = struct.pack("<HH", width % 16384, height % 16384)
    return bytes(changed)


def damaged_files(rng: random.Random) -> Iterator[tuple[str, str, bytes]]:
    """(kind of damage, extension, content)."""
    sound = sound_files()
    for extension, data in sound:
        yield "sound", extension, data
        yield "extension", rng.choice([e for e in FORMATS if e != extension]), data
        for cut in (3, 17, 40, len(data) // 2, len(data) - 20, len(data) - 3, rng.randrange(len(data))):
            yield "cut", extension, data[:cut]
        for reach in (32, 200, 200, len(data), len(data), len(data)):
            flipped = bytearray(data)
            for _ in range(rng.choice((1, 1, 3, 20))):
                flipped[rng.randrange(min(reach, len(data)))] ^= 1 << rng.randrange(8)
            yield "flip", extension, bytes(flipped)
        start, length = rng.randrange(len(data)), rng.randrange(1, 200)
        yield "hole", extension, data[:start] + data[start + length :]
        yield "insert", extension, data[:start] + rng.randbytes(length) + data[start:]
        yield "tail", extension, data + rng.randbytes(300)
        _, other = rng.choice(sound)
        for head in (8, 16, 64):
            yield "splice", extension, data[:head] + other[head:]
        yield "head", extension, data[:24] + rng.randbytes(400)
        for size in ((12001, 64), (65535, 65535), (2**31 - 1, 2**31 - 1), (1, 1), (0, 0), (300, 66), (80, 900)):
            yield "size", extension, with_size(extension, data, *size)
    for extension in FORMATS:
        yield "empty", extension, b""
        yield "zeros", extension, bytes(500)
        yield "text", extension, b"<html>404 not found</html>" * 9
        yield "random", extension, rng.randbytes(2000)
