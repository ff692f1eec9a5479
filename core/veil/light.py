"""What a face's brightness may do: features stronger or weaker, and bands of light that go unnoticed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ..perception.blur import blurred
from ..perception.colour import luma
from .frame import at_rest, frames_of, on_pixels, pick, spread


def _alike(control: Tensor, bound: float, frames: Tensor, rows: Tensor | None, height: int, width: int) -> Tensor:
    """Parameters as a field over the windows, within the bound, and alike left and right as a face is."""
    knots = torch.tanh(pick(control, rows)) * bound
    return on_pixels((knots + knots.flip(3)) / 2, pick(frames, rows), height, width)


class FeatureContrast:
    """What is there, stronger or weaker: brows, lids, lips and shadows by band of width, at most by a share.

    Nothing new can be drawn this way: where a face is smooth, nothing happens. Alike left and right, as a face is.
    """

    kind = "contrast"

    def __init__(
        self,
        points: Tensor,
        side: int,
        face: float,
        bands: tuple[tuple[float, int, float], ...],
        let_through: Tensor | None = None,
        shared: bool = False,
    ) -> None:
        """`points` (B, 5, 2) of faces that take the share `face` of a window of `side` pixels.

        `bands`: the width up to which details belong to it, as a share of the face; knots; the largest share.
        `let_through` (B, 1, h, w) is how much of it reaches each place.
        """
        self.let_through = let_through
        self.frames, self.face, self.bands = frames_of(points, side), face, bands
        self.control = [at_rest(points, shared, 1, knots) for _, knots, _ in bands]

    def groups(self) -> Iterator[tuple[Tensor, float]]:
        for control in self.control:
            yield control, 1 / 8

    def apply(self, window: Tensor, mask: Tensor, rows: Tensor | None = None) -> Tensor:
        height, width = window.shape[-2:]
        change, finer = torch.zeros_like(window[:, :1]), luma(window)
        for control, (share, _, bound) in zip(self.control, self.bands, strict=True):
            broader = blurred(finer, share * self.face * max(height, width))
            change = change + _alike(control, bound, self.frames, rows, height, width) * (finer - broader)
            finer = broader
        if self.let_through is not None:
            change = change * spread(pick(self.let_through, rows), height, width)
        return window + change * mask


class LumaField:
    """Bands of brightness in the face's own frame, each bounded at each place by what goes unnoticed there.

    The same change of red, green and blue: what shows first on skin is colour, so there is none. Alike left and right,
    so that what models the face models both of its sides.
    """

    kind = "light"

    def __init__(
        self,
        points: Tensor,
        side: int,
        strength: float,
        knots: Sequence[int],
        unnoticed: Tensor | None = None,
        shared: bool = False,
    ) -> None:
        """`points` (B, 5, 2) in a window of `side` pixels. `unnoticed` (B, bands, h, w) is the bound of each band for a
        strength of 1; without it a bound is white itself."""
        self.frames, self.strength, self.unnoticed = frames_of(points, side), strength, unnoticed
        self.control = [at_rest(points, shared, 1, count) for count in knots]

    def groups(self) -> Iterator[tuple[Tensor, float]]:
        for control in self.control:
            yield control, 1 / 8

    def apply(self, window: Tensor, mask: Tensor, rows: Tensor | None = None) -> Tensor:
        height, width = window.shape[-2:]
        unnoticed = None if self.unnoticed is None else pick(self.unnoticed, rows)
        change = torch.zeros_like(window[:, :1])
        for index, control in enumerate(self.control):
            band = _alike(control, self.strength, self.frames, rows, height, width)
            if unnoticed is not None:
                band = band * spread(unnoticed[:, index : index + 1], height, width)
            change = change + band
        return window + change * mask
