"""JPEG on tensors of any device, exact in what it removes and with a gradient.

Forward: libjpeg's steps with its roundings. Backward: rounding counts as the identity, and then
the cosine transform and its inverse cancel; what is left is the halving of the colour planes.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

_LUMA_TABLE = (
    *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMA_TABLE = (
    *(17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99),
    *(24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99),
    *(99,) * 32,
)
_YCBCR = ((0.299, 0.587, 0.114), (-0.168735892, -0.331264108, 0.5), (0.5, -0.418687589, -0.081312411))
_RGB = ((1.0, 0.0, 1.402), (1.0, -0.344136286, -0.714136286), (1.0, 1.772, 0.0))


def jpeg(image: Tensor, quality: int | Tensor, subsampling: str = "4:2:0") -> Tensor:
    """Pictures (B, 3, H, W) in [0, 1] of any size as JPEG of a quality 1 to 100 (one, or one per picture) leaves them.

    `subsampling`: "4:2:0" halves the colour planes, as most services do; "4:4:4" does not.
    """
    if subsampling not in ("4:2:0", "4:4:4"):
        raise ValueError(f"unknown subsampling {subsampling!r}")
    halved = subsampling == "4:2:0"
    with torch.no_grad():
        exact = _encode_and_decode(image, quality, halved)
    smooth = _half_colour(image) if halved else image
    return smooth + (exact - smooth).detach()


def _encode_and_decode(image: Tensor, quality: int | Tensor, halved: bool) -> Tensor:
    height, width = image.shape[-2:]
    planes = _mix((image.clamp(0, 1) * 255 + 0.5).floor(), _YCBCR).round()  # both colour planes about 0
    luma, chroma = planes[:, :1] - 128, planes[:, 1:]
    if halved:
        chroma = F.avg_pool2d(_extend(chroma, 2), 2).round()
    luma, chroma = _quantise(luma, quality, _LUMA_TABLE), _quantise(chroma, quality, _CHROMA_TABLE)
    if halved:
        chroma = _double(chroma)[..., :height, :width]
    return _mix(torch.cat([luma + 128, chroma], 1), _RGB).round().clamp(0, 255) / 255


def _quantise(plane: Tensor, quality: int | Tensor, table: tuple[int, ...]) -> Tensor:
    """What is left of planes in -128..127 when each 8x8 block's frequencies are rounded to multiples of the table."""
    height, width = plane.shape[-2:]
    basis = _basis(plane)
    blocks = F.pixel_unshuffle(_extend(plane, 8).flatten(0, 1)[:, None], 8)
    steps = _steps(quality, plane, table).repeat_interleave(plane.shape[1], 0)
    levels = (torch.einsum("kn,bnhw->bkhw", basis, blocks) / steps).round() * steps
    blocks = torch.einsum("kn,bkhw->bnhw", basis, levels)
    whole = F.pixel_shuffle(blocks, 8).unflatten(0, plane.shape[:2])[:, :, 0]
    return whole[..., :height, :width].round().clamp(-128, 127)


def _steps(quality: int | Tensor, like: Tensor, table: tuple[int, ...]) -> Tensor:
    """The table at this quality, scaled as libjpeg does, (B, 64, 1, 1)."""
    quality = torch.as_tensor(quality, device=like.device).to(like.dtype).round().clamp(1, 100)
    percent = torch.where(quality < 50, (5000 / quality).floor(), 200 - 2 * quality)
    steps = ((like.new_tensor(table) * percent.reshape(-1, 1) + 50) / 100).floor().clamp(1, 255)
    return steps[:, :, None, None].expand(like.shape[0], -1, 1, 1)


def _basis(like: Tensor) -> Tensor:
    """The 64 cosine patterns as orthonormal rows (64, 64), in the table's order."""
    places = torch.arange(8, device=like.device, dtype=like.dtype)
    waves = torch.cos((2 * places + 1) * places[:, None] * math.pi / 16) / 2
    waves[0] /= math.sqrt(2)
    return torch.kron(waves, waves)


def _half_colour(image: Tensor) -> Tensor:
    """The picture with its colour planes halved and doubled again, its luma untouched."""
    height, width = image.shape[-2:]
    planes = _mix(image, _YCBCR)
    chroma = _double(F.avg_pool2d(_extend(planes[:, 1:], 2), 2))[..., :height, :width]
    return _mix(torch.cat([planes[:, :1], chroma], 1), _RGB)


def _double(plane: Tensor) -> Tensor:
    """libjpeg's smooth upsampling: three quarters of the nearer value and one of the farther, along each axis."""
    return F.interpolate(plane, scale_factor=2, mode="bilinear", align_corners=False)


def _mix(image: Tensor, rows: tuple[tuple[float, ...], ...]) -> Tensor:
    return torch.einsum("ij,bjhw->bihw", image.new_tensor(rows), image)


def _extend(plane: Tensor, multiple: int) -> Tensor:
    """Edges repeated until both sides are multiples."""
    height, width = plane.shape[-2:]
    return F.pad(plane, (0, -width % multiple, 0, -height % multiple), mode="replicate")
