"""Random views of a picture for the loss: what survives them survives an upload, and transfers to other recognisers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..images import in_range
from .jpeg import jpeg
from .upload import real_jpeg

KINDS = ("plain", "resize", "jpeg", "blur", "light")


@dataclass(frozen=True)
class View:
    """One drawn view: its kind, and how strong it is, from 0 to 1."""

    kind: str
    strength: float


def draw_view(generator: torch.Generator, kinds: Sequence[str] = KINDS) -> View:
    """Draw a view; the generator alone decides, so the same seed gives the same views."""
    kind = kinds[int(torch.randint(len(kinds), (1,), generator=generator))]
    return View(kind, float(torch.rand(1, generator=generator)))


def apply_view(image: Tensor, view: View) -> Tensor:
    """The picture (B, 3, H, W) as somebody else gets to see it, differentiable."""
    return _VIEWS[view.kind](image, view.strength)


def _resize(image: Tensor, strength: float) -> Tensor:
    """Down to between .85 and .35 of the size, and back up."""
    factor = 0.85 - 0.5 * strength
    size = [max(1, round(side * factor)) for side in image.shape[-2:]]
    smaller = F.interpolate(image, size, mode="bilinear", antialias=True, align_corners=False)
    return F.interpolate(smaller, image.shape[-2:], mode="bilinear", align_corners=False)


def _jpeg(image: Tensor, strength: float) -> Tensor:
    """JPEG at quality 95 to 50.

    On the CPU by libjpeg itself, three times as fast as on tensors, with the identity for a
    gradient; elsewhere on tensors, so that pictures need not leave the device.
    """
    quality = round(95 - 45 * strength)
    if image.device.type != "cpu":
        return jpeg(image, quality)
    return image + (real_jpeg(image.detach(), quality) - image.detach())


def _blur(image: Tensor, strength: float) -> Tensor:
    """A 5x5 Gaussian, sigma .6 to 1.6."""
    sigma = 0.6 + strength
    place = torch.arange(-2, 3, dtype=image.dtype, device=image.device)
    weights = torch.exp(-(place**2) / (2 * sigma**2))
    weights = weights / weights.sum()
    kernel = weights.expand(3, 1, 1, 5)
    padded = F.pad(image, (2, 2, 2, 2), mode="replicate")
    return F.conv2d(F.conv2d(padded, kernel, groups=3), kernel.transpose(2, 3), groups=3)


def _light(image: Tensor, strength: float) -> Tensor:
    """A tenth darker with less contrast to a tenth brighter with more."""
    amount = 0.2 * strength - 0.1
    return in_range((image - 0.5) * (1 + amount) + 0.5 + amount / 2)


_VIEWS = {"plain": lambda image, strength: image, "resize": _resize, "jpeg": _jpeg, "blur": _blur, "light": _light}
