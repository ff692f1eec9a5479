"""Filters that anybody has, and what they leave of a picture: pictures (1, 3, h, w) to the same."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from PIL import ImageFilter, features
from torch import Tensor

from ..errors import ModelError
from ..perception.blur import blurred
from ..sharing import upload
from .scene import Scene

_REACH = 5
"""How far neighbours are looked for, in pixels."""
_PATCH = 5


def blur(scene: Scene, sigma: float) -> Tensor:
    return blurred(scene.picture, scene.pixels(sigma))


def median(scene: Scene, side: float) -> Tensor:
    """Every pixel the median of a square of an odd side."""
    odd = 2 * round((scene.pixels(side) - 1) / 2) + 1
    if odd < 3:
        return scene.picture
    return upload.each(scene.picture, lambda picture: picture.filter(ImageFilter.MedianFilter(odd)))


def bilateral(scene: Scene, tolerance: float) -> Tensor:
    """The mean of neighbours of a like colour: `tolerance` is how unlike they may be, of 1."""

    def weigh(picture: Tensor, shifted: Tensor, far: float) -> Tensor:
        unlike = (picture - shifted).square().mean(1, keepdim=True)
        return torch.exp(-unlike / (2 * tolerance**2) - far / (2 * (_REACH / 2) ** 2))

    return _neighbours(scene.picture, weigh)


def nonlocal_means(scene: Scene, tolerance: float) -> Tensor:
    """The mean of neighbours whose surroundings look alike: takes noise and leaves edges."""

    def weigh(picture: Tensor, shifted: Tensor, far: float) -> Tensor:
        unlike = (picture - shifted).square().mean(1, keepdim=True)
        return torch.exp(-F.avg_pool2d(unlike, _PATCH, 1, _PATCH // 2, count_include_pad=False) / tolerance**2)

    return _neighbours(scene.picture, weigh)


def _neighbours(picture: Tensor, weigh: Callable[[Tensor, Tensor, float], Tensor]) -> Tensor:
    height, width = picture.shape[-2:]
    padded = F.pad(picture, (_REACH,) * 4, mode="replicate")
    total, weights = torch.zeros_like(picture), torch.zeros_like(picture[:, :1])
    for down in range(2 * _REACH + 1):
        for across in range(2 * _REACH + 1):
            shifted = padded[..., down : down + height, across : across + width]
            weight = weigh(picture, shifted, (down - _REACH) ** 2 + (across - _REACH) ** 2)
            total.add_(weight * shifted)
            weights.add_(weight)
    return total / weights


def gamma(scene: Scene, power: float) -> Tensor:
    return scene.picture.clamp_min(0) ** power


def down_up(scene: Scene, factor: float) -> Tensor:
    return upload.down_up(scene.picture, factor)


def jpeg(scene: Scene, quality: float) -> Tensor:
    return upload.real_jpeg(scene.picture, round(quality))


def webp(scene: Scene, quality: float) -> Tensor:
    return upload.real_webp(scene.picture, round(quality))


def avif(scene: Scene, quality: float) -> Tensor:
    if not features.check("avif"):
        raise ModelError("This Pillow knows no AVIF: pip install --upgrade pillow, or leave AVIF out.")
    return upload.each(scene.picture, lambda picture: upload.encoded(picture, "AVIF", quality=round(quality)))
