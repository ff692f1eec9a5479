"""What the optimiser may change: a small warp of the face, its contrast and luma, a latent, or several of these.

A variable holds parameters with one row per face, or one row that all faces share, and turns a clean window
(B, 3, h, w) and its mask (B, 1, h, w) into a changed one, in proportion to the mask. Warp, contrast and luma live on
control grids in the face's own upright frame, not on pixels: they are optimised at a small working size, rendered at
the photo's own, and mean the same on another photo.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from ..engines.autoencoder import Autoencoder
from ..faces.align import similarity, template_points
from ..faces.expression import MOODS, Mood, other_side
from ..optimise import Variable
from ..perception.blur import blurred
from ..perception.colour import luma


class Change(Variable, Protocol):
    """A variable that changes windows. `rows` selects faces; None means all."""

    def apply(self, window: Tensor, mask: Tensor, rows: Tensor | None = None) -> Tensor:
        """The changed window; equal to the clean one wherever the mask is 0."""


def _pick(parameter: Tensor, rows: Tensor | None) -> Tensor:
    """The rows' own values, or those that all share."""
    return parameter if rows is None or len(parameter) == 1 else parameter[rows]


def _spline(size: int, knots: int, like: Tensor) -> Tensor:
    """Weights (size, knots) of a cubic B-spline: none negative, rows sum to 1, so a bound on knots holds between."""
    place = torch.linspace(0, knots - 3, size, dtype=like.dtype, device=like.device)
    first = place.floor().clamp(max=knots - 4)
    t = (place - first)[:, None]
    basis = torch.cat([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], 1) / 6
    columns = first.long()[:, None] + torch.arange(4, device=like.device)
    return torch.zeros(size, knots, dtype=like.dtype, device=like.device).scatter(1, columns, basis)


_LATTICE = 64
"""Least side of the lattice on which a spline is worked out before it is sampled at the window's pixels."""
_LEFT, _TOP, _SPAN = -0.225, -0.15, 1.45
"""The square of the ArcFace frame that a warp's knots span: the face oval and its rim, centred on the face's axis."""
_EYES = 0.3147
"""Distance of the eyes in that frame."""
_FINER = 2
"""Pixels of a window for each knot of light."""


def _frames(points: Tensor, side: int) -> Tensor:
    """From shares of a window of `side` pixels to the upright frames of its faces with points (B, 5, 2)."""
    shares = (points + 0.5) / side
    return similarity(shares, template_points("arcface", 1, shares))


def _on_pixels(control: Tensor, frames: Tensor, height: int, width: int) -> Tensor:
    """Knots (B, C, knots, knots) in the faces' frames as a field (B, C, height, width) over their windows."""
    knots = control.shape[-1]
    spline = _spline(max(_LATTICE, 2 * knots), knots, control)
    field = (spline @ control @ spline.T).expand(len(frames), -1, -1, -1)
    ys, xs = ((torch.arange(n, device=control.device) + 0.5) / n for n in (height, width))
    lattice = frames.clone()
    lattice[:, :, 2] -= frames.new_tensor([_LEFT, _TOP])
    across, down, start = (lattice * (2 / _SPAN)).unbind(2)
    # Sums of rows and columns: a product of matrices takes many times as long.
    on_lattice = across[:, None, None] * xs[:, None] + (down[:, None] * ys[:, None] + start[:, None] - 1)[:, :, None]
    return F.grid_sample(field, on_lattice, padding_mode="border", align_corners=True)


@cache
def _moods(knots: int) -> Tensor:
    """An orthonormal basis (moods, 2 * knots * knots) of the displacements that are an expression."""
    return torch.linalg.svd(
        torch.stack([_of_knots(mood, knots) for known in MOODS for mood in (known, other_side(known))]),
        full_matrices=False,
    ).Vh[: 2 * len(MOODS) - 1]  # knitted brows are their own other side


def _of_knots(mood: Mood, knots: int) -> Tensor:
    """What a mood is, as weights of a warp's knots."""
    weights = torch.zeros(2, knots, knots)
    fine = 4001
    spline = _spline(fine, knots, weights)
    for (u, v), weight in mood.weights:
        column, row = (round((place - start) / _SPAN * (fine - 1)) for place, start in ((u, _LEFT), (v, _TOP)))
        weights[mood.axis] += weight * torch.outer(spline[row], spline[column])
    return weights.flatten()


def _at_rest(points: Tensor, shared: bool, channels: int, knots: int) -> Tensor:
    """Knots that change nothing yet, a row for each face or one for all of them."""
    rows = 1 if shared else len(points)
    return torch.zeros(rows, channels, knots, knots, device=points.device, requires_grad=True)


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
        shared: bool = False,
    ) -> None:
        """`points` (B, 5, 2) of faces that take the share `face` of a window of `side` pixels.

        `bands`: the width up to which details belong to it, as a share of the face; knots; the largest share.
        """
        self.frames, self.face, self.bands = _frames(points, side), face, bands
        self.control = [_at_rest(points, shared, 1, knots) for _, knots, _ in bands]

    def groups(self) -> Iterator[tuple[Tensor, float]]:
        for control in self.control:
            yield control, 1 / 8

    def apply(self, window: Tensor, mask: Tensor, rows: Tensor | None = None) -> Tensor:
        height, width = window.shape[-2:]
        frames, change = _pick(self.frames, rows), torch.zeros_like(window[:, :1])
        finer = luma(window)
        for control, (share, _, bound) in zip(self.control, self.bands, strict=True):
            broader = blurred(finer, share * self.face * max(height, width))
            knots = torch.tanh(_pick(control, rows)) * bound
            change = change + _on_pixels((knots + knots.flip(3)) / 2, frames, height, width) * (finer - broader)
            finer = broader
        return window + change * mask


class WarpField:
    """A smooth displacement of the face, in the face's own upright frame.

    `bound` is the largest displacement as a share of the distance between the eyes. `symmetry` is how
    much of it must be the same left and right (1: all): a face whose two sides change alike still
    looks like somebody, and like the same somebody; uneven eyes or a crooked mouth are seen at once.
    """

    kind = "warp"

    def __init__(
        self,
        points: Tensor,
        side: int,
        bound: float,
        knots: int = 12,
        symmetry: float = 0.0,
        expression_held: bool = False,
        shared: bool = False,
    ) -> None:
        """`points` (B, 5, 2) of the faces in a window of `side` pixels.

        With `expression_held` no displacement is possible that would be read as another mood.
        """
        self.frames = _frames(points, side)
        self.bound, self.symmetry = bound, symmetry
        self._moods = _moods(knots).to(points.device) if expression_held else None
        self.control = _at_rest(points, shared, 2, knots)

    def groups(self) -> Iterator[tuple[Tensor, float]]:
        yield self.control, 1 / 12

    def knots(self, rows: Tensor | None = None) -> Tensor:
        """The displacement at the knots (B, 2, knots, knots), in the face's frame."""
        control = torch.tanh(_pick(self.control, rows)) * self.bound * _EYES
        mirrored = control.flip(3) * control.new_tensor([-1.0, 1.0]).view(1, 2, 1, 1)
        control = control + self.symmetry * 0.5 * (mirrored - control)
        if self._moods is None:
            return control
        flat = control.flatten(1)
        return (flat - (flat @ self._moods.T) @ self._moods).view_as(control)

    def displacement(self, height: int, width: int, rows: Tensor | None = None) -> Tensor:
        """(B, 2, height, width): shifts in x and y as shares of the window's side, before masking."""
        frames = _pick(self.frames, rows)
        in_frame = _on_pixels(self.knots(rows), frames, height, width)
        return torch.einsum("brc,bchw->brhw", torch.linalg.inv(frames[:, :, :2]), in_frame)

    def apply(self, window: Tensor, mask: Tensor, rows: Tensor | None = None) -> Tensor:
        height, width = window.shape[-2:]
        shift = self.displacement(height, width, rows) * mask
        ys = torch.linspace(-1, 1, height, device=window.device)
        xs = torch.linspace(-1, 1, width, device=window.device)
        still = torch.stack(torch.meshgrid(xs, ys, indexing="xy"), -1)
        # grid_sample's coordinates span 2; a share of the side is twice that many units.
        grid = still + 2 * shift.permute(0, 2, 3, 1)
        return F.grid_sample(window, grid, mode="bicubic", padding_mode="border", align_corners=True)


class ColourField:
    """A change of every colour channel, at most `bound` (1 is white): what pixel noise does.

    The field has a resolution of its own, `size`, and lies in the window: it belongs to this one photo.
    """

    def __init__(self, faces: int, bound: float, size: int, device: torch.device | str = "cpu") -> None:
        self.bound = bound
        self.field = torch.zeros(faces, 3, size, size, device=device, requires_grad=True)

    def groups(self) -> Iterator[tuple[Tensor, float]]:
        yield self.field, 1 / 8

    def apply(self, window: Tensor, mask: Tensor, rows: Tensor | None = None) -> Tensor:
        height, width = window.shape[-2:]
        change = _scaled(torch.tanh(_pick(self.field, rows)) * self.bound, height, width)
        change = change.clamp(-self.bound, self.bound)  # bicubic lines go beyond the points that they join
        return window + change * mask


def _scaled(field: Tensor, height: int, width: int) -> Tensor:
    if field.shape[-2:] == (height, width):
        return field
    return F.interpolate(field, (height, width), mode="bicubic", align_corners=False, antialias=True)


def with_difference(window: Tensor, difference: Tensor, mask: Tensor) -> Tensor:
    """The window plus a difference of whatever size, where the mask lets it."""
    return window + _scaled(difference, *window.shape[-2:]) * mask


class LumaField:
    """The same change of red, green and blue, at most `bound` (1 is white), in the face's own frame: what shows first
    on skin is colour, so there is none."""

    kind = "light"

    def __init__(
        self, points: Tensor, side: int, bound: float, knots: int, hiding: Tensor | None = None, shared: bool = False
    ) -> None:
        """`points` (B, 5, 2) in a window of `side` pixels. `hiding` (B, 1, h, w) scales the bound by place."""
        self.frames, self.bound, self.hiding = _frames(points, side), bound, hiding
        self.control = _at_rest(points, shared, 1, knots)

    def groups(self) -> Iterator[tuple[Tensor, float]]:
        yield self.control, 1 / 8

    def apply(self, window: Tensor, mask: Tensor, rows: Tensor | None = None) -> Tensor:
        height, width = window.shape[-2:]
        knots = torch.tanh(_pick(self.control, rows)) * self.bound
        least = _FINER * knots.shape[-1]  # fewer pixels would pick some knots and miss the others
        field = _on_pixels(knots, _pick(self.frames, rows), max(height, least), max(width, least))
        change = _scaled(field, height, width).clamp(-self.bound, self.bound)
        if self.hiding is not None:
            change = change * _scaled(_pick(self.hiding, rows), height, width)
        return window + change * mask


class Difference:
    """`D(changed) - D(clean)`, so that what the autoencoder cannot reproduce cancels, for windows known in advance."""

    def __init__(
        self,
        clean: Tensor,
        autoencoder: Autoencoder,
        finish: Autoencoder | None = None,
        hiding: Tensor | None = None,
    ) -> None:
        """`finish` decodes what needs no gradient, which is the finished picture, where `autoencoder` is only a quick
        one of the same latent space. `hiding` (B, 1, h, w) scales the difference by place."""
        self.autoencoder, self.finish, self.hiding = autoencoder, finish, hiding
        self.decodes = len(clean) * (2 if finish else 1)
        """Windows decoded so far; what the report states as cost."""
        with torch.no_grad():
            self.clean = autoencoder.decode(clean)
            self.finished = finish.decode(clean) if finish else None

    def __call__(self, changed: Tensor, rows: Tensor | None) -> Tensor:
        self.decodes += len(changed)
        if self.finish is None or torch.is_grad_enabled():
            difference = self.autoencoder.decode(changed) - _pick(self.clean, rows)
        else:
            difference = self.finish.decode(changed) - _pick(self.finished, rows)
        if self.hiding is None:
            return difference
        return difference * _scaled(_pick(self.hiding, rows), *difference.shape[-2:])


class LatentOffset:
    """An offset in an autoencoder's latent space: `window + M * (D(z + offset) - D(z))`."""

    def __init__(
        self,
        autoencoder: Autoencoder,
        windows: Tensor,
        learning_rate: float = 0.02,
        hiding: Tensor | None = None,
        finish: Autoencoder | None = None,
    ) -> None:
        """`hiding` and `finish` as for a `Difference`."""
        self.learning_rate = learning_rate
        with torch.no_grad():
            self.latent = (finish or autoencoder).encode(windows)
        self.difference = Difference(self.latent, autoencoder, finish, hiding)
        self.offset = torch.zeros_like(self.latent, requires_grad=True)

    def groups(self) -> Iterator[tuple[Tensor, float]]:
        yield self.offset, self.learning_rate

    def apply(self, window: Tensor, mask: Tensor, rows: Tensor | None = None) -> Tensor:
        changed = _pick(self.latent, rows) + _pick(self.offset, rows)
        return with_difference(window, self.difference(changed, rows), mask)


class Bundle:
    """Several variables, applied one after the other: each in proportion to the mask, so a mask of more or less than 1
    is more or less of all that changes."""

    def __init__(self, parts: list[Change]) -> None:
        self.parts = parts

    def groups(self) -> Iterator[tuple[Tensor, float]]:
        for part in self.parts:
            yield from part.groups()

    def apply(self, window: Tensor, mask: Tensor, rows: Tensor | None = None) -> Tensor:
        for part in self.parts:
            window = part.apply(window, mask, rows)
        return window
