"""What is asked of a frame, however it is stored: a small copy to look at, a window, and a change put in."""

from __future__ import annotations

from typing import Protocol

import torch.nn.functional as F
from torch import Tensor

from ..faces.crops import Window

LOOKED_AT = 512
"""Longer side of the copy that faces are looked for in."""


class Frame(Protocol):
    """One frame of a film. Pictures are (1, 3, h, w) in [0, 1]."""

    height: int
    width: int

    def small(self) -> Tensor:
        """The whole frame, its longer side at most `LOOKED_AT`."""

    def cut(self, window: Window) -> Tensor:
        """A window at full resolution; beyond the border the edge is repeated."""

    def put(self, window: Window, change: Tensor) -> None:
        """Add a change to the window's pixels; what it leaves at 0 stays bit-identical."""


class Picture:
    """A frame that is a tensor (H, W, 3) of somebody else's: changed in place."""

    def __init__(self, pixels: Tensor, device: str = "cpu") -> None:
        """`device` is where windows of it are worked on."""
        self.pixels, self.device = pixels, device
        self.height, self.width = pixels.shape[:2]

    def small(self) -> Tensor:
        scale = max(1, max(self.height, self.width) / LOOKED_AT)
        size = round(self.height / scale), round(self.width / scale)
        picture = self.pixels.movedim(-1, 0)[None, :3].float()
        if scale == 1:
            return picture
        return F.interpolate(picture, size, mode="area")

    def cut(self, window: Window) -> Tensor:
        return window.cut(self.pixels.movedim(-1, 0)[None, :3].float()).to(self.device)

    def put(self, window: Window, change: Tensor) -> None:
        inner = window.inside(self.height, self.width)
        part = inner.within(window)
        there = self.pixels[inner.top : inner.bottom, inner.left : inner.right, :3]
        there.copy_((there + part.cut(change).to(there.device)[0].movedim(0, -1)).clamp(0, 1))
