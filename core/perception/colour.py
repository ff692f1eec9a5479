"""Colour as the eye sorts it: brightness apart from hue, and how much of either a change touches."""

from __future__ import annotations

import torch
from torch import Tensor

LUMA_WEIGHTS = (0.299, 0.587, 0.114)
"""ITU-R BT.601, the weights JPEG uses."""

_TO_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
_WHITE = (0.95047, 1.0, 1.08883)
# Rounds off the tip of the cone sqrt(a^2 + b^2), whose slope at an unchanged pixel is undefined.
_TIP = 1e-3


def luma(image: Tensor) -> Tensor:
    """Brightness (B, 1, H, W) of pictures (B, 3, H, W), taken on the values as they are stored."""
    weights = image.new_tensor(LUMA_WEIGHTS).view(1, 3, 1, 1)
    return (image * weights).sum(1, keepdim=True)


def to_lab(image: Tensor) -> Tensor:
    """sRGB (B, 3, H, W) in [0, 1] to CIELAB under D65: L in 0..100, a and b in about -100..100."""
    linear = torch.where(image > 0.04045, ((image.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4, image / 12.92)
    white = image.new_tensor(_WHITE).view(1, 3, 1, 1)
    xyz = torch.einsum("ij,bjhw->bihw", image.new_tensor(_TO_XYZ), linear) / white
    x, y, z = torch.where(xyz > 0.008856, xyz.clamp(min=0.008856) ** (1 / 3), 7.787 * xyz + 16 / 116).unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def chroma_change(a: Tensor, b: Tensor) -> Tensor:
    """Mean change of colour, brightness aside, in CIELAB units (B,); about 2 is what an eye begins to see.

    CIELAB and not YCbCr, because equal steps in it look about equally large: a YCbCr step that
    stains a dark cheek is lost in a bright shirt. Differentiable at a == b, where its slope is 0.
    """
    difference = (to_lab(a) - to_lab(b))[:, 1:]
    return (((difference**2).sum(1) + _TIP**2).sqrt() - _TIP).mean((1, 2))
