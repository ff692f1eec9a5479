"""Likeness in structure, without any weights: SSIM, its multi-scale form, and plain PSNR.

Structure is compared on luma alone (`colour.luma`): SSIM was made for brightness, and colour has
`chroma_change`. Means run over the places where the whole window fits, as in scikit-image.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .colour import luma

WINDOW, SIGMA = 11, 1.5
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""How much each halving counts, finest first, as found by the metric's authors with observers."""
PSNR_CAP = 100.0
"""Decibels given to equal pictures, whose true value is infinite and has no place in JSON."""

_C1, _C2 = 0.01**2, 0.03**2


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Structural similarity (B,) of pictures (B, 3, H, W): 1 when equal, falling as structure goes."""
    brightness, structure = _maps(*_luma_pair(a, b))
    return (brightness * structure).mean((1, 2, 3))


def dssim(a: Tensor, b: Tensor) -> Tensor:
    """Structural dissimilarity (1 - SSIM) / 2 (B,): 0 when equal, at most 1."""
    return (1 - ssim(a, b)) / 2


def ms_ssim(a: Tensor, b: Tensor) -> Tensor:
    """SSIM over up to five halvings (B,); 1 when equal.

    All five need a shorter side of 176 pixels. Smaller pictures use the scales that fit, with
    the weights of those scaled to sum to 1, so that values of one size compare among themselves.
    """
    a, b = _luma_pair(a, b)
    fitting = max(1, (min(a.shape[-2:]) // WINDOW).bit_length())
    weights = a.new_tensor(SCALE_WEIGHTS[:fitting])
    values = []
    for scale in range(len(weights)):
        if scale:
            a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
        brightness, structure = _maps(a, b)
        # Brightness counts at the coarsest scale only.
        last = scale == len(weights) - 1
        values.append((brightness * structure if last else structure).mean((1, 2, 3)))
    # Structure can turn negative, which no fractional power takes.
    return (torch.stack(values, 1).clamp(min=1e-4) ** (weights / weights.sum())).prod(1)


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in decibels (B,), at most `PSNR_CAP`."""
    error = ((a - b) ** 2).mean((1, 2, 3))
    return -10 * error.clamp(min=10 ** (-PSNR_CAP / 10)).log10()


def _luma_pair(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Both lumas; edges are repeated where a picture is smaller than the window."""
    lacking = [max(0, WINDOW - side) for side in a.shape[-2:]]
    pad = (0, lacking[1], 0, lacking[0])
    one, other = (F.pad(luma(image), pad, mode="replicate") if any(pad) else luma(image) for image in (a, b))
    return one, other


def _maps(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """SSIM's two factors, for brightness and for contrast with structure, wherever the window fits."""
    mean_a, mean_b, squares, product = _blur(torch.cat([a, b, a * a + b * b, a * b], 1)).split(1, 1)
    means, mean_product = mean_a**2 + mean_b**2, mean_a * mean_b
    brightness = (2 * mean_product + _C1) / (means + _C1)
    structure = (2 * (product - mean_product) + _C2) / (squares - means + _C2)
    return brightness, structure


def _blur(maps: Tensor) -> Tensor:
    """The Gaussian window over each channel, one axis after the other."""
    steps = torch.arange(WINDOW, device=maps.device, dtype=maps.dtype) - WINDOW // 2
    kernel = torch.exp(-(steps**2) / (2 * SIGMA**2))
    kernel = (kernel / kernel.sum()).expand(maps.shape[1], 1, 1, WINDOW)
    return F.conv2d(F.conv2d(maps, kernel, groups=maps.shape[1]), kernel.mT, groups=maps.shape[1])
