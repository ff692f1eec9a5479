"""A picture in memory: what it holds, and its conversions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ..errors import InputError
from ..plain import plain

ROWS = 256
"""Whole photos are converted and compared so many rows at a time: float copies of a large one would not fit."""
_SLACK = 1e-3
"""What rounding may stray beyond [0, 1]; a quarter of a step of eight bits."""


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
        refuse_unfit(self.pixels)

    @property
    def height(self) -> int:
        return self.pixels.shape[1]

    @property
    def width(self) -> int:
        return self.pixels.shape[2]

    def with_pixels(self, pixels: Tensor) -> Photo:
        """The same photo with other pixels (1, H, W, 3); alpha, profile and EXIF stay."""
        return replace(self, pixels=pixels)


def refuse_unfit(pixels: Tensor) -> None:
    """The door for pictures made by others: 0 to 255 for 0 to 1 would go through everything and come out white."""
    kind = f"{tuple(pixels.shape)} of {pixels.dtype}" if isinstance(pixels, Tensor) else f"a {type(pixels).__name__}"
    fits = isinstance(pixels, Tensor) and pixels.ndim == 4 and len(pixels) == 1 and pixels.shape[3] == 3
    if not fits or pixels.dtype != torch.float32 or not pixels.numel():
        raise InputError(
            f"A photo's pixels must be a tensor (1, height, width, 3) of torch.float32 in [0, 1], but this is {kind}: "
            "convert it first, whole numbers by .float() / 255."
        )
    # In the order in which they lie in memory: in the other one a large photo takes twenty times as long.
    lowest, highest = (pixels if pixels.is_contiguous() else pixels.movedim(-1, 1)).aminmax()
    if not (lowest >= -_SLACK and highest <= 1 + _SLACK):
        raise InputError(
            f"A photo's pixels must lie in [0, 1], but these go from {lowest:.4g} to {highest:.4g}: divide values "
            "up to 255 by 255, and clamp what a network made."
        )


def to_bchw(pixels: Tensor) -> Tensor:
    """(B, H, W, C) to (B, C, H, W)."""
    return pixels.movedim(-1, 1).contiguous()


def to_bhwc(pixels: Tensor) -> Tensor:
    """(B, C, H, W) to (B, H, W, C)."""
    return pixels.movedim(1, -1).contiguous()


def to_uint8(pixels: Tensor) -> Tensor:
    """[0, 1] of any shape to 0..255, halves upwards; k/255 comes back as exactly k."""
    return (pixels.detach().clamp(0, 1) * 255 + 0.5).floor().to(torch.uint8)


def as_saved(pixels: Tensor) -> Tensor:
    """What the eight bits of a file will hold of it: what is judged is what is saved."""
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
