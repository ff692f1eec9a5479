"""Where a picture hides a change: hair, lashes and stubble do, a smooth cheek does not."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from .blur import blurred
from .colour import luma

_FULL = 0.05
"""Local deviation of luma at which texture hides a change as well as the eye's contrast masking lets it (factor 1)."""


def hiding(image: Tensor, lowest: float = 0.4, highest: float = 2.0, window: int = 9) -> Tensor:
    """How much more (or less) than average may change at each place (B, 1, H, W), from `lowest` to `highest`.

    The local standard deviation of luma in a window of `window` pixels, smoothed a little.
    """
    y, half = luma(image), window // 2
    mean = F.avg_pool2d(y, window, 1, half, count_include_pad=False)
    variance = F.avg_pool2d((y - mean).square(), window, 1, half, count_include_pad=False)
    deviation = F.avg_pool2d(variance.sqrt(), 5, 1, 2, count_include_pad=False)
    return (deviation / _FULL).clamp(lowest, highest)


def texture(bright: Tensor, face: float) -> Tensor:
    """How much detail there is at each place of a luma (B, 1, H, W) of a face that is `face` pixels wide, 0 to 1.

    Only what is finer than a hundredth of the face counts: a cheek's broad shadow is no texture.
    """
    scale = face / 256
    detail = bright - blurred(bright, 2.5 * scale)
    deviation = blurred(detail.square(), 3 * scale).clamp_min(0).sqrt()
    return (deviation / _FULL).clamp(0, 1)


def spread_contrast(band: Tensor, reach: float) -> Tensor:
    """How strong a band of detail is around each place, as far as it is spread: the standard deviation of texture, and
    little beside a single edge. A jaw against a white collar hides nothing on the cheek.

    `reach` is in pixels.
    """
    return _OF_TEXTURE * blurred(band.abs().clamp_min(1e-6).sqrt(), reach).square()


_OF_TEXTURE = 1.4793
"""The standard deviation of Gaussian noise over the squared mean of the root of its absolute value."""
