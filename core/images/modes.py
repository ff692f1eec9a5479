"""What Pillow decoded, of whatever mode, as RGB in [0, 1]."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .photo import ROWS

_PROFILE_SPACES = {"L": b"GRAY", "LA": b"GRAY", "CMYK": b"CMYK"}


def from_pil(image: Image.Image) -> Tensor:
    """A Pillow image of any mode as (1, H, W, 3); transparency is left out, not composited."""
    return planes(image)[0]


def planes(image: Image.Image) -> tuple[Tensor, Tensor | None, bytes | None]:
    """RGB (1, H, W, 3) and alpha (1, H, W) in [0, 1], and the profile that still applies to that RGB."""
    icc = image.info.get("icc_profile") or None
    space = icc[16:20] if icc else None
    kept_icc = icc if space == b"RGB " and image.mode not in ("CMYK", "LAB") else None
    if image.mode == "F" or image.mode.startswith("I"):
        return _as_picture(np.repeat(_deep_grey(image)[None], 3, axis=0)), None, kept_icc
    alpha = None
    mode = image.mode
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = torch.from_numpy(_unit(image.getchannel("A")))
    if icc and _PROFILE_SPACES.get(mode) == space:
        image = _through_profile(image.convert("CMYK" if mode == "CMYK" else "L"), icc)
    return _as_picture(_unit(image.convert("RGB"))), alpha, kept_icc


def _as_picture(channels: np.ndarray) -> Tensor:
    """(3, H, W) seen as (1, H, W, 3). The memory stays channel by channel, so that `to_bchw` needs no copy."""
    return torch.from_numpy(channels)[None].movedim(1, -1)


def _unit(image: Image.Image) -> np.ndarray:
    """Eight bits as (C, H, W) in [0, 1], a few rows at a time: a large photo need not be held twice."""
    width, height = image.size
    values = np.empty((len(image.getbands()), height, width), np.float32)
    for top in range(0, height, ROWS):
        rows = np.asarray(image.crop((0, top, width, min(height, top + ROWS)))).reshape(-1, width, len(values))
        np.divide(rows.transpose(2, 0, 1), np.float32(255), out=values[:, top : top + ROWS], dtype=np.float32)
    return values


def _deep_grey(image: Image.Image) -> np.ndarray:
    """Grey of more than 8 bits, (H, W) in [0, 1]. 'I' and 'F' do not say their white, so the values choose it."""
    values = np.asarray(image).astype(np.float64)
    np.nan_to_num(values, copy=False, posinf=0.0, neginf=0.0)
    top = values.max()
    whites = (1.0, 255.0, 65535.0) if image.mode == "F" else (65535.0, 2.0**31 - 1)
    values /= next((white for white in whites if top <= white), top)
    return values.clip(0, 1, out=values).astype(np.float32)


def _through_profile(image: Image.Image, icc: bytes) -> Image.Image:
    """CMYK or grey to sRGB by its profile; a broken profile leaves the picture to the plain conversion."""
    from PIL import ImageCms

    try:
        return ImageCms.profileToProfile(  # type: ignore[return-value]  # None is given only where it works in place
            image,
            ImageCms.ImageCmsProfile(BytesIO(icc)),
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
