"""What a face's brightness may do: features stronger or weaker, and bands of light that go unnoticed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ..faces.masks import eased
from ..perception.blur import blurred
from ..perception.colour import LUMA_WEIGHTS, luma
from .frame import at_knots, at_rest, broad, frames_of, on_pixels, pick, spread


class Light:
    """Grids of knots for brightness: each within a bound, of which less may be left at some places than at others."""

    def __init__(self, points: Tensor, shared: bool, knots: Sequence[int]) -> None:
        self.control = [at_rest(points, shared, 1, count) for count in knots]
        self.left = [torch.ones_like(control, requires_grad=False) for control in self.control]
        """The share of its bound that each knot may use."""

    def groups(self) -> Iterator[tuple[Tensor, float]]:
        for control in self.control:
            yield control, 1 / 8

    def alike(self, index: int, bound: float, rows: Tensor | None) -> Tensor:
        """A grid as knots, within the bound, and alike left and right as a face is."""
        knots = torch.tanh(pick(self.control[index], rows))
        return (knots + knots.flip(3)) / 2 * pick(self.left[index], rows) * bound

    def hold_back(self, row: int, share: Tensor, points: Tensor) -> None:
        """Leave a face only this share of what its knots may do now: a map (1, 1, h, w) of it with points (5, 2)."""
        for left in self.left:
            here = at_knots(share, points, left.shape[-1])
            left[row] *= torch.minimum(here, here.flip(3))[0]

    @torch.no_grad()
    def settle(self) -> None:
        """Take what was held back into the knots: the picture stays, and every knot has all of its bound again."""
        for control, left in zip(self.control, self.left, strict=True):
            less = torch.atanh((torch.tanh(control) * left).clamp(-_FULL, _FULL))
            control.copy_(torch.where(left < 1, less, control))
            left.fill_(1)


_FULL = 1 - 1e-6
"""The most of its bound that a knot may use: at all of it atanh is infinite."""


def _fine(knots: Tensor) -> Tensor:
    """The fine part of a grid, scaled to the same bound: fine texture hides only light that is as fine, and no broad
    patch."""
    return (knots - broad(knots)) / _FINEST


_FINEST = 2 * (1 - (6 / 16) ** 2)
"""How much larger than its largest knot the fine part of a grid can be."""


_NEAR = 0.02
"""How far around a place, as a share of the window, its colours are looked up."""
_KEEPS, _REDDER = 0.45, (0.6, 1.05)
"""The red that skin loses with its brightness: this and as much as it is redder than green, within limits. Blood and
pigment leave the red, and the same share of all colours is shade to a camera, on a lit cheek a smear of ash; what is
deep in colour already would be a bruise."""
_WARM = 0.1
"""How much redder than green a face is that is seen in colour: in black and white and under blue lamps it is none. A
place of it is skin from half of that on: whites of eyes are half skin, and a side that is lit in blue is none."""
_DARK, _SOFT = 0.4, 0.3
"""Brightness, of the face's, below which a place is a lash, a brow or a nostril and no skin; and how far above it is
skin for certain."""


def _colours(window: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """How red, green and blue go with more brightness at each place of the window, and how with less.

    More light is more of the colour that is there, and in shadows, which would glow, more of the face's. Less of it is
    less of the colour that is there, and on skin what pigment takes.
    """
    bright = luma(window)
    face = (window * mask).mean((2, 3), keepdim=True) / mask.mean((2, 3), keepdim=True).clamp_min(1e-6)
    usual = luma(face).clamp_min(1e-3)
    colour, level = blurred(torch.cat([window, bright], 1), _NEAR * max(window.shape[-2:])).split([3, 1], 1)
    here = colour / level.clamp_min(1e-3)
    warm = eased(_redness(face / usual) / _WARM) * eased(0.5 + _redness(here) / _WARM)
    skin = eased((level / usual - _DARK) / _SOFT) * warm
    red = (_KEEPS + _redness(here)).clamp(*_REDDER)
    others = (1 - LUMA_WEIGHTS[0] * red) / (1 - LUMA_WEIGHTS[0])
    pigment = torch.cat([red, others, others], 1)
    return torch.lerp(face / usual, here, (level / usual).clamp(max=1)), torch.lerp(here, pigment, skin)


def _redness(colour: Tensor) -> Tensor:
    """How much redder than green a colour of brightness 1 is."""
    return colour[:, :1] - colour[:, 1:2]


def lit(window: Tensor, change: Tensor, mask: Tensor) -> Tensor:
    """The window with its brightness changed: more in the colours that light has there, less in those of pigment.

    What gets brighter stops short of where its strongest colour is full, and what gets darker where one is gone:
    clipped red is a pale patch, and clipped blue a stain.
    """
    lighter, darker = _colours(window, mask)
    room = _least((1 - window) / lighter.clamp_min(0.05), 1e-3)
    # Not clamped: where nothing changes yet, which is where every search begins, torch 2.14 gives a clamp no gradient.
    more, less = torch.where(change >= 0, change, 0), torch.where(change <= 0, change, 0)
    less = less.maximum(-_least(window / darker.clamp_min(0.05), 0.0))
    return window + mask * (more / (1 + (more / room).square()).sqrt() * lighter + less * darker)


def _least(colours: Tensor, floor: float) -> Tensor:
    """The least of the three colours at each place, and at least `floor`."""
    return colours.amin(1, keepdim=True).clamp_min(floor)


_PORES = 0.012
"""Details finer than this share of the face stay as they are: no recogniser is shown them, and without them skin is
airbrushed."""


class FeatureContrast(Light):
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
        super().__init__(points, shared, [knots for _, knots, _ in bands])

    def apply(self, window: Tensor, mask: Tensor, rows: Tensor | None = None) -> Tensor:
        height, width = window.shape[-2:]
        frames = pick(self.frames, rows)
        change = torch.zeros_like(window[:, :1])
        finer = blurred(luma(window), _PORES * self.face * max(height, width))
        for index, (share, _, bound) in enumerate(self.bands):
            broader = blurred(finer, share * self.face * max(height, width))
            change = change + on_pixels(self.alike(index, bound, rows), frames, height, width) * (finer - broader)
            finer = broader
        if self.let_through is not None:
            change = change * spread(pick(self.let_through, rows), height, width)
        return lit(window, change, mask)


class LumaField(Light):
    """Bands of brightness in the face's own frame, each bounded at each place by what goes unnoticed there.

    Alike left and right, so that what models the face models both of its sides.
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
        super().__init__(points, shared, knots)

    def apply(self, window: Tensor, mask: Tensor, rows: Tensor | None = None) -> Tensor:
        height, width = window.shape[-2:]
        frames = pick(self.frames, rows)
        unnoticed = None if self.unnoticed is None else pick(self.unnoticed, rows)
        change = torch.zeros_like(window[:, :1])
        for index in range(len(self.control)):
            band = on_pixels(_fine(self.alike(index, self.strength, rows)), frames, height, width)
            if unnoticed is not None:
                band = band * spread(unnoticed[:, index : index + 1], height, width)
            change = change + band
        return lit(window, change, mask)
