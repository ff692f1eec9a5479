"""Cutting a window with a margin out of a photo, and putting the changed window back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from .face import Face

WHOLE = 4_000_000
"""Photos of up to so many pixels are worked on whole."""
GRID = 16
"""A JPEG with halved colour is made of blocks of this side."""


@dataclass(frozen=True)
class Window:
    """A rectangle of whole pixels, which may reach over the photo's border."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    def inside(self, height: int, width: int) -> Window:
        """The part that lies inside a photo of this size."""
        return Window(max(0, self.left), max(0, self.top), min(width, self.right), min(height, self.bottom))

    def within(self, other: Window) -> Window:
        """This window in the coordinates of another."""
        x, y = other.left, other.top
        return Window(self.left - x, self.top - y, self.right - x, self.bottom - y)

    def cut(self, image: Tensor) -> Tensor:
        """The window's part of `image` (B, C, H, W); beyond the border the edge is repeated."""
        height, width = image.shape[-2:]
        inner = self.inside(height, width)
        part = image[..., inner.top : inner.bottom, inner.left : inner.right]
        if inner == self:
            return part
        beyond = (inner.left - self.left, self.right - inner.right, inner.top - self.top, self.bottom - inner.bottom)
        return F.pad(part, beyond, mode="replicate")

    def shift(self, points: Tensor) -> Tensor:
        """Points of the photo in the window's own coordinates."""
        return points - points.new_tensor([self.left, self.top])

    def scaled(self, points: Tensor, height: int, width: int) -> Tensor:
        """Points of the photo in a copy of the window of this size."""
        scale = points.new_tensor([width / self.width, height / self.height])
        return (self.shift(points) + 0.5) * scale - 0.5

    def moved(self, face: Face) -> Face:
        """A face of the photo in the window's own coordinates."""
        left, top, right, bottom = face.box
        box = (left - self.left, top - self.top, right - self.left, bottom - self.top)
        return replace(face, box=box, points=self.shift(face.points))

    def moved_back(self, face: Face) -> Face:
        """A face of the window in the photo's coordinates."""
        return Window(-self.left, -self.top, 0, 0).moved(face)


def window_around(face: Face, margin: float = 0.6) -> Window:
    """A square window around a face, with `margin` of the face's longer side on each side."""
    left, top, right, bottom = face.box
    centre_x, centre_y = face.centre
    side = max(2, round(max(right - left, bottom - top) * (1 + 2 * margin)))
    left, top = round(centre_x - side / 2), round(centre_y - side / 2)
    return Window(left, top, left + side, top + side)


def region_of(faces: Sequence[Face], height: int, width: int) -> Window:
    """The part of a photo that is enough to work on these faces: all of a small photo, often little of a large one.

    It holds every window and every recogniser's crop around them. Unless they are the photo's own, its sides lie on
    JPEG's grid and at even pixels: re-encoding and halving make the same of the part as of the whole.
    """
    if height * width <= WHOLE:
        return Window(0, 0, width, height)
    around = [window_around(face, margin=1.0) for face in faces]
    left, top = (min(getattr(window, side) for window in around) // GRID * GRID for side in ("left", "top"))
    right, bottom = (-(-max(getattr(window, side) for window in around) // GRID) * GRID for side in ("right", "bottom"))
    return Window(left, top, right, bottom).inside(height, width)


def resize(image: Tensor, height: int, width: int) -> Tensor:
    """(B, C, H, W) to another size, without aliasing; the picture itself when the size is right already."""
    if image.shape[-2:] == (height, width):
        return image
    return F.interpolate(image, (height, width), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)


def paste(photo: Tensor, window: Window, changed: Tensor, mask: Tensor) -> Tensor:
    """The photo with the window's pixels replaced where `mask` is above 0; every other pixel is bit-identical.

    `changed` (1, 3, h, w) and `mask` (1, 1, h, w) have the window's size; `changed` is already
    blended, the mask only says which pixels may differ.
    """
    inner = window.inside(*photo.shape[-2:])
    local = inner.within(window)
    result = photo.clone()
    target = result[..., inner.top : inner.bottom, inner.left : inner.right]
    target.copy_(torch.where(local.cut(mask) > 0, local.cut(changed).clamp(0, 1).to(target.dtype), target))
    return result
