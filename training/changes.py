"""What each word of light and colour does to a photo: how the bundled model learns its words."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

COLOURS = {
    "red": (0.85, 0.10, 0.12),
    "orange": (0.95, 0.50, 0.10),
    "golden": (0.85, 0.65, 0.25),
    "yellow": (0.95, 0.90, 0.20),
    "green": (0.15, 0.70, 0.25),
    "cyan": (0.15, 0.75, 0.80),
    "blue": (0.15, 0.30, 0.85),
    "purple": (0.50, 0.20, 0.75),
    "pink": (0.95, 0.45, 0.65),
    "brown": (0.45, 0.28, 0.16),
    "black": (0.06, 0.06, 0.06),
    "white": (0.95, 0.95, 0.95),
}


def luma(x: Tensor) -> Tensor:
    return (x * x.new_tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(-3, keepdim=True)


def _blur(x: Tensor, sigma: float) -> Tensor:
    reach = 8
    taps = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
    taps = (taps / taps.sum()).view(1, 1, 1, -1).expand(3, 1, 1, -1)
    padded = F.pad(x[None], (reach,) * 4, mode="reflect")
    across = F.conv2d(padded, taps, groups=3)
    return F.conv2d(across, taps.transpose(2, 3), groups=3)[0]


def change(picture: Tensor, tone: str, amount: float) -> Tensor:
    """The picture (3, H, W) in [0, 1] with a tone applied; 0 leaves it alone, 1 is unmistakable."""
    grey = luma(picture)
    if tone in COLOURS:
        colour = picture.new_tensor(COLOURS[tone]).view(3, 1, 1)
        # Shading survives: brightness moves only part of the way to the colour's own.
        shade = grey + 0.6 * (luma(colour) - grey)
        target = colour * shade / luma(colour).clamp_min(0.05)
        return picture.lerp(target.clamp(0, 1), min(1.0, 0.9 * amount))
    if tone == "grey":
        changed = picture.lerp(grey.expand_as(picture), min(1.0, amount))
    elif tone == "bright":
        changed = picture.clamp_min(1e-4) ** (1 / (1 + 1.2 * amount))
    elif tone == "dark":
        changed = picture.clamp_min(1e-4) ** (1 + 0.5 * amount) * (1 - 0.5 * min(1.0, amount))
    elif tone in ("warm", "cool"):
        tint = picture.new_tensor([0.25, 0.03, -0.35]).view(3, 1, 1) * amount
        changed = picture * (1 + (tint if tone == "warm" else tint.flip(0)))
    elif tone == "vivid":
        changed = grey + (picture - grey) * (1 + 1.5 * amount)
    elif tone == "pale":
        changed = picture.lerp(torch.full_like(picture, 0.8), min(0.8, 0.6 * amount))
    elif tone == "contrasty":
        changed = 0.5 + (picture - 0.5) * (1 + amount)
    elif tone == "soft":
        changed = _blur(picture, 0.3 + 3 * amount)
    elif tone == "sharp":
        changed = picture + 1.5 * amount * (picture - _blur(picture, 1.2))
    else:
        raise ValueError(f"no change is known for {tone!r}")
    return changed.clamp(0, 1)
