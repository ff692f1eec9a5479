"""A frame as films store it: brightness and two colour differences, often at half the resolution, in 8 bits or more.

Only the window of a face is ever made RGB, and only its change is brought back. The rest of the frame is never
converted, so nothing of it is lost before the encoder sees it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..faces.crops import Window

WEIGHTS = {"601": (0.299, 0.114), "709": (0.2126, 0.0722), "2020": (0.2627, 0.0593)}
"""Share of red and of blue in brightness (ITU-R BT.601, BT.709, BT.2020)."""


@dataclass(frozen=True)
class Coding:
    """How numbers in the planes mean colours."""

    bits: int = 8
    matrix: str = "709"
    full: bool = False
    """Whether brightness takes all values; films mostly leave some free at both ends."""
    across: int = 2
    """Pixels of brightness for one of colour, from left to right."""
    down: int = 2

    @property
    def step(self) -> int:
        return 1 << (self.bits - 8)

    @property
    def luma(self) -> tuple[float, float]:
        """Value of black, and from black to white."""
        return (0.0, float((1 << self.bits) - 1)) if self.full else (16.0 * self.step, 219.0 * self.step)

    @property
    def chroma(self) -> tuple[float, float]:
        """Value of grey, and the span of a colour difference from -0.5 to 0.5."""
        return 128.0 * self.step, float((1 << self.bits) - 1) if self.full else 224.0 * self.step


class Planes:
    """Three planes (H, W), (h, w), (h, w) of numbers, changed in place."""

    def __init__(self, planes: tuple[np.ndarray, np.ndarray, np.ndarray], coding: Coding) -> None:
        self.planes, self.coding = planes, coding
        self.height, self.width = planes[0].shape

    def rgb(self, window: Window) -> Tensor:
        """The window (1, 3, h, w) in [0, 1]; beyond the border the edge is repeated."""
        inner = window.inside(self.height, self.width)
        even = self._even(inner)
        luma, blue, red = self._parts(even)
        (black, span), (grey, reach) = self.coding.luma, self.coding.chroma
        size = luma.shape[-2:]
        y = (luma - black) / span
        cb, cr = (F.interpolate(c, size, mode="bilinear", align_corners=False) for c in (blue, red))
        cb, cr = (cb - grey) / reach, (cr - grey) / reach
        kr, kb = WEIGHTS[self.coding.matrix]
        r, b = y + 2 * (1 - kr) * cr, y + 2 * (1 - kb) * cb
        g = (y - kr * r - kb * b) / (1 - kr - kb)
        picture = torch.cat([r, g, b], 1).clamp(0, 1)
        return window.within(even).cut(picture)

    def add(self, window: Window, change: Tensor) -> None:
        """Add a change of RGB (1, 3, h, w), which is brought to brightness and colour differences exactly."""
        inner = window.inside(self.height, self.width)
        if inner.height <= 0 or inner.width <= 0:
            return
        even = self._even(inner)
        part = inner.within(window)
        there = F.pad(
            change[..., part.top : part.bottom, part.left : part.right],
            (inner.left - even.left, even.right - inner.right, inner.top - even.top, even.bottom - inner.bottom),
        )
        kr, kb = WEIGHTS[self.coding.matrix]
        r, g, b = there.split(1, 1)
        y = kr * r + (1 - kr - kb) * g + kb * b
        down, across = self.coding.down, self.coding.across
        cb, cr = (F.avg_pool2d((c - y) / (2 * (1 - k)), (down, across)) for c, k in ((b, kb), (r, kr)))
        for plane, rows, values, span in zip(
            self.planes,
            self._places(even),
            (y, cb, cr),
            (self.coding.luma[1], self.coding.chroma[1], self.coding.chroma[1]),
            strict=True,
        ):
            target = plane[rows]
            added = values[0, 0, : target.shape[0], : target.shape[1]].numpy() * span
            target[:] = np.clip(np.rint(target + added), 0, (1 << self.coding.bits) - 1).astype(target.dtype)

    def _even(self, inner: Window) -> Window:
        """The window on the grid of the colour planes; at the frame's end it may reach over an odd border."""
        across, down = self.coding.across, self.coding.down
        left, top = inner.left // across * across, inner.top // down * down
        return Window(
            left, top, left + -(-(inner.right - left) // across) * across, top + -(-(inner.bottom - top) // down) * down
        )

    def _places(self, even: Window) -> list[tuple[slice, slice]]:
        across, down = self.coding.across, self.coding.down
        luma = slice(even.top, even.bottom), slice(even.left, even.right)
        chroma = slice(even.top // down, even.bottom // down), slice(even.left // across, even.right // across)
        return [luma, chroma, chroma]

    def _parts(self, even: Window) -> list[Tensor]:
        """The planes' parts (1, 1, h, w); an odd border's missing row or column is repeated."""
        parts = []
        for plane, rows in zip(self.planes, self._places(even), strict=True):
            parts.append(torch.from_numpy(plane[rows].astype(np.float32))[None, None])
        tall, wide = even.height - parts[0].shape[-2], even.width - parts[0].shape[-1]
        if tall or wide:
            parts[0] = F.pad(parts[0], (0, wide, 0, tall), mode="replicate")
        return parts
