"""Decoding a latent piece by piece, with gradients. No ComfyUI import."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint


def decode_in_tiles(
    decode: Callable[[Tensor], Tensor], latent: Tensor, multiple: int, side: int = 32, overlap: int = 8
) -> Tensor:
    """`decode(latent)`, in tiles of `side` cells whose rims are blended; of each, only the input is kept."""
    height, width = latent.shape[-2:]
    total: Tensor | None = None
    for top in starts(height, side, overlap):
        for left in starts(width, side, overlap):
            tile = latent[..., top : top + side, left : left + side]
            picture = checkpoint(decode, tile, use_reentrant=False)
            share = ramp(tile.shape[-2], overlap, multiple)[:, None] * ramp(tile.shape[-1], overlap, multiple)
            share = share.to(picture)
            if total is None:
                total = picture.new_zeros(*picture.shape[:2], height * multiple, width * multiple)
                weight = picture.new_zeros(height * multiple, width * multiple)
            rows = slice(top * multiple, top * multiple + picture.shape[-2])
            columns = slice(left * multiple, left * multiple + picture.shape[-1])
            total[..., rows, columns] += picture * share
            weight[rows, columns] += share
    return total / weight


def starts(length: int, side: int, overlap: int) -> list[int]:
    """Where tiles begin, so that all of `length` is covered and the last one ends with it."""
    if length <= side:
        return [0]
    return [*range(0, length - side, side - overlap), length - side]


def ramp(cells: int, overlap: int, multiple: int) -> Tensor:
    """How much each pixel of a tile counts: less towards its ends, never nothing."""
    pixels = torch.arange(cells * multiple) + 0.5
    return (torch.minimum(pixels, cells * multiple - pixels) / (overlap * multiple)).clamp(max=1.0)
