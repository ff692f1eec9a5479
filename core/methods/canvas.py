"""The part of a picture that a model works on, and the way back into the picture."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from ..engines.autoencoder import Autoencoder
from ..errors import InputError
from ..faces.crops import Window, paste, resize

_PATCH = 2
"""Transformers take a latent's cells in squares of this side."""
_UNLIKE, _ROUNDING = 0.5, 0.02
"""Of how much the cells of a picture differ from their mean: the same picture by another way of resizing differs by a
fifth, one that is 8 of 512 pixels aside by all of it. And what a picture without any contrast may differ."""


@dataclass(frozen=True)
class Canvas:
    """A window of a picture at the size a model works at, and its latent."""

    window: Window
    before: Tensor
    """The window at working size (1, 3, h, w)."""
    clean: Tensor
    """Its latent."""
    autoencoder: Autoencoder

    @classmethod
    def around(cls, image: Tensor, where: Tensor, autoencoder: Autoencoder, size: int) -> Canvas:
        """A square window around everything that may change, at `size` pixels or what is nearest to it."""
        window = square_around(where)
        side = max(1, round(size / autoencoder.multiple)) * autoencoder.multiple
        before = resize(window.cut(image), side, side)
        return cls(window, before, autoencoder.encode(before), autoencoder)

    @classmethod
    def whole(cls, image: Tensor, clean: Tensor, autoencoder: Autoencoder) -> Canvas:
        """All of the picture, at the size of a latent of it that is known; another picture's is refused."""
        refuse_other_proportions(image, clean)
        window = Window(0, 0, image.shape[-1], image.shape[-2])
        height, width = (length * autoencoder.multiple for length in clean.shape[-2:])
        before = resize(image, height, width)
        refuse_other_picture(autoencoder.encode(before), clean.to(image))
        return cls(window, before, clean.to(image), autoencoder)

    @classmethod
    def begun(cls, image: Tensor, autoencoder: Autoencoder, size: int) -> Canvas:
        """All of a picture of which no latent is known yet, its longer side at `size` pixels or what is nearest."""
        window, unit = Window(0, 0, image.shape[-1], image.shape[-2]), autoencoder.multiple * _PATCH
        scale = size / max(window.height, window.width) / unit
        before = resize(image, *(max(1, round(side * scale)) * unit for side in (window.height, window.width)))
        return cls(window, before, autoencoder.encode(before), autoencoder)

    def cells(self, mask: Tensor) -> Tensor:
        """The picture's mask on the latent's grid. Cells that it only touches are free as well, else thin parts
        hardly change; composing draws the edge."""
        return F.adaptive_max_pool2d(self.window.cut(mask), self.clean.shape[-2:])

    def seen(self, mask: Tensor) -> Tensor:
        """The picture's mask at working size."""
        return F.interpolate(self.window.cut(mask), self.before.shape[-2:], mode="bilinear", antialias=True)

    def points(self, points: Tensor) -> Tensor:
        """The picture's points (B, 5, 2) at working size."""
        return self.window.scaled(points, *self.before.shape[-2:])

    def composed(self, image: Tensor, mask: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """The picture plus what the second latent shows more than the first, inside the mask."""
        difference = self.autoencoder.decode(second) - self.autoencoder.decode(first)
        size = self.window.height, self.window.width
        difference = F.interpolate(difference, size, mode="bicubic", antialias=True, align_corners=False)
        soft = self.window.cut(mask)
        return paste(image, self.window, self.window.cut(image) + soft * difference, soft)


def refuse_other_proportions(image: Tensor, clean: Tensor) -> None:
    """A latent of another crop would be stretched over the picture; rounding to whole patches may cost one of them."""
    (height, width), (rows, columns) = image.shape[-2:], clean.shape[-2:]
    if min(abs(columns - rows * width / height), abs(rows - columns * height / width)) >= _PATCH:
        raise InputError(
            f"The trajectory is of a picture of other proportions: {columns} x {rows} cells, where this picture has "
            f"{width} x {height} pixels. Connect the picture that it was made of."
        )


def refuse_other_picture(found: Tensor, known: Tensor) -> None:
    """What is known has to be a latent of the picture, of which `found` is what the autoencoder makes."""
    if found.shape != known.shape:
        raise InputError(
            f"The trajectory is of latents of {known.shape[1]} channels, and this model's have {found.shape[1]}: take "
            "the model that it was made with."
        )
    contrast = (known - known.mean((-2, -1), keepdim=True)).square().mean().sqrt()
    if not float((found - known).square().mean().sqrt()) <= _UNLIKE * float(contrast) + _ROUNDING:
        raise InputError(
            "The trajectory is of another picture, of another crop of it, or of another model's: take the picture and "
            "the model that it was made of, or invert this one."
        )


def square_around(mask: Tensor, margin: float = 0.25) -> Window:
    """A square window around everything above 0, with some surroundings: models need to see what they change."""
    rows, columns = (mask[0, 0].amax(dim) > 0 for dim in (1, 0))
    top, bottom = (int(i) for i in rows.nonzero().flatten()[[0, -1]])
    left, right = (int(i) for i in columns.nonzero().flatten()[[0, -1]])
    side = max(8, round((max(bottom - top, right - left) + 1) * (1 + 2 * margin)))
    height, width = mask.shape[-2:]
    side = min(side, max(height, width))
    left, top = ((low + high + 1 - side) // 2 for low, high in ((left, right), (top, bottom)))
    # Inside the picture wherever it fits.
    left = min(max(left, 0), max(0, width - side))
    top = min(max(top, 0), max(0, height - side))
    return Window(left, top, left + side, top + side)
