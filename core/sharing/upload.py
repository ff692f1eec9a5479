"""What really happens to a posted picture: eight bits, real encoders, real scaling. For the verdict; no gradients."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import torch
from PIL import Image, ImageFilter
from torch import Tensor

from ..images import from_pil, to_bchw, to_pil


def each(image: Tensor, change: Callable[[Image.Image], Image.Image]) -> Tensor:
    """Apply a change of Pillow pictures to every picture of a batch (B, 3, H, W)."""
    # A large photo is held once as it was and once as it becomes; all between has eight bits.
    singles = (single.movedim(1, -1) for single in image.detach().cpu().split(1))
    changed = [to_bchw(from_pil(change(to_pil(single)))) for single in singles]
    return (torch.cat(changed) if len(changed) > 1 else changed[0]).to(image.device)


def encoded(picture: Image.Image, kind: str, **options: object) -> Image.Image:
    """Written as a file of that kind and read again."""
    memory = BytesIO()
    picture.save(memory, kind, **options)
    return Image.open(memory).convert("RGB")


def real_jpeg(image: Tensor, quality: int, subsampling: str = "4:2:0") -> Tensor:
    """Encoded by libjpeg and decoded again."""
    return each(image, lambda p: encoded(p, "JPEG", quality=quality, subsampling=subsampling))


def real_webp(image: Tensor, quality: int) -> Tensor:
    """Encoded by libwebp and decoded again."""
    return each(image, lambda p: encoded(p, "WEBP", quality=quality))


def _scaled(picture: Image.Image, factor: float) -> Image.Image:
    smaller = picture.resize([max(1, round(side * factor)) for side in picture.size], Image.Resampling.LANCZOS)
    return smaller.resize(picture.size, Image.Resampling.BICUBIC)


def down_up(image: Tensor, factor: float) -> Tensor:
    """Down to a part of the size and back up."""
    return each(image, lambda p: _scaled(p, factor))


def blur(image: Tensor, sigma: float) -> Tensor:
    """A Gaussian blur, `sigma` in pixels."""
    return each(image, lambda p: p.filter(ImageFilter.GaussianBlur(sigma)))


def mean_filter(image: Tensor, side: int) -> Tensor:
    """Every pixel the mean of a square of this odd side: what those who clean pictures try first."""
    return each(image, lambda p: p.filter(ImageFilter.BoxBlur(side // 2)))


def screenshot(image: Tensor) -> Tensor:
    """Shown at four fifths of the size on a screen, captured, and posted as JPEG."""
    return each(image, lambda p: encoded(_scaled(p, 0.8), "JPEG", quality=85))


UPLOADS: dict[str, Callable[[Tensor], Tensor]] = {
    "jpeg75": lambda image: real_jpeg(image, 75),
    "jpeg50": lambda image: real_jpeg(image, 50),
    "half": lambda image: down_up(image, 0.5),
    "webp75": lambda image: real_webp(image, 75),
    "blur": lambda image: blur(image, 1.0),
    "mean5": lambda image: mean_filter(image, 5),
    "screenshot": screenshot,
}
"""By the name that reports use; every one takes and gives (B, 3, H, W)."""
