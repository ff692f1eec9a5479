"""Small pictures with known content, and files of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageCms

from faceveil.core.images import to_uint8

H, W = 66, 80
RGB = np.random.default_rng(1).integers(0, 256, (H, W, 3), dtype=np.uint8)
SMOOTH = np.stack(np.broadcast_arrays(np.arange(W) * 3, np.arange(H)[:, None] * 3, 90), 2).astype(np.uint8)
RAMP = (np.arange(H * W).reshape(H, W) % 256).astype(np.uint8)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def save(path: Path, image: Image.Image | np.ndarray, **options: object) -> Path:
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)
    return path


def smaller(source: Path, target: Path, side: int = 256) -> Path:
    """A copy of a photo whose shorter side has so many pixels, for tests that look at no pixel of it."""
    photo = Image.open(source).convert("RGB")
    scale = side / min(photo.size)
    return save(target, photo.resize([round(length * scale) for length in photo.size]), quality=95)


def as_uint8(pixels: torch.Tensor) -> np.ndarray:
    return to_uint8(pixels)[0].numpy()


def camera_exif(orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "CameraMaker"
    exif[0x8769] = {0x9003: "2024:05:06 07:08:09", 0x927C: b"NOTE-WITH-PREVIEW"}
    exif[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0)}
    return exif.tobytes()
