"""A picture in memory: what it holds, and its conversions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ..errors import InputError
from ..plain import plain
from .doors import PIXELS, ordinary, refuse_unfit

ROWS = 256
"""Whole photos are converted and compared so many rows at a time: float copies of a large one would not fit."""


@dataclass
class Photo:
    """A picture with what else its file held."""

    pixels: Tensor
    """(1, H, W, 3) float32 RGB in [0, 1], upright."""
    alpha: Tensor | None = None
    """(1, H, W) float32 in [0, 1], straight (colours are not multiplied by it)."""
    icc: bytes | None = None
    """The colour profile that `pixels` are in; None means sRGB."""
    exif: bytes | None = None
    """Descriptive EXIF with the orientation reset, without anything that may hold a copy of the picture."""
    path: Path | None = None
    format: str | None = None
    """Pillow's name of the file's format."""
    notes: tuple[str, ...] = ()
    """What of the file this does not hold, a sentence each."""

    def __post_init__(self) -> None:
        self.refuse_unfit()

    def refuse_unfit(self) -> None:
        refuse_unfit(self.pixels, "A photo's pixels", PIXELS)
        if self.alpha is not None:
            refuse_unfit(self.alpha, "A photo's transparency", (1, self.height, self.width))

    @property
    def height(self) -> int:
        return self.pixels.shape[1]

    @property
    def width(self) -> int:
        return self.pixels.shape[2]

    def with_pixels(self, pixels: Tensor) -> Photo:
        """The same photo with other pixels (1, H, W, 3); alpha, profile and EXIF stay."""
        return replace(self, pixels=pixels)


def image_of(photo: Photo) -> Tensor:
    """The photo's pixels (1, 3, H, W), checked once more: a `Photo` may have been changed since it was made."""
    if not isinstance(photo, Photo):
        raise InputError(f"A photo is needed, as read_photo gives it, but this is a {type(photo).__name__}.")
    photo.refuse_unfit()
    return ordinary(to_bchw(photo.pixels))


def to_bchw(pixels: Tensor) -> Tensor:
    """(B, H, W, C) to (B, C, H, W)."""
    return pixels.movedim(-1, 1).contiguous()


def to_bhwc(pixels: Tensor) -> Tensor:
    """(B, C, H, W) to (B, H, W, C)."""
    return pixels.movedim(1, -1).contiguous()


def in_range(picture: Tensor) -> Tensor:
    """Clamped to [0, 1], for what a gradient goes through.

    Not by `clamp`, which has a gradient at exactly 0 and 1 only in some versions of torch.
    """
    return torch.where(picture < 0, 0, torch.where(picture > 1, 1, picture))


def to_uint8(pixels: Tensor) -> Tensor:
    """[0, 1] of any shape to 0..255, halves upwards; k/255 comes back as exactly k."""
    return (pixels.detach().clamp(0, 1) * 255 + 0.5).floor().to(torch.uint8)


def as_saved(pixels: Tensor) -> Tensor:
    """Rounded to the eight bits of a file: what is judged is what is saved."""
    return to_uint8(pixels).float().div_(255)


def to_pil(pixels: Tensor) -> Image.Image:
    """One picture (1, H, W, 3) as a Pillow image."""
    if pixels.ndim != 4 or pixels.shape[0] != 1 or pixels.shape[3] != 3:
        raise ValueError(f"expected one picture (1, H, W, 3), got {tuple(pixels.shape)}")
    eight_bits = torch.empty(pixels.shape[1:], dtype=torch.uint8)
    for rows, made in zip(pixels[0].split(ROWS), eight_bits.split(ROWS), strict=True):
        made.copy_(to_uint8(rows))
    return Image.fromarray(eight_bits.numpy())


def shown(path: Path) -> str:
    """A file's name fit for one line of a message."""
    return plain(path.name or path)
