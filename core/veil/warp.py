"""A small smooth change of a face's shape that leaves its expression and the run of its hair alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from ..faces.expression import MOODS, Mood, other_side
from .frame import EYES, LEFT, SPAN, TOP, at_rest, frames_of, on_pixels, pick, spline_weights, spread


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
    spline = spline_weights(fine, knots, weights)
    for (u, v), weight in mood.weights:
        column, row = (round((place - start) / SPAN * (fine - 1)) for place, start in ((u, LEFT), (v, TOP)))
        weights[mood.axis] += weight * torch.outer(spline[row], spline[column])
    return weights.flatten()


def _broad(knots: Tensor) -> Tensor:
    """The part of a displacement (B, 2, knots, knots) that varies little from knot to knot: two binomial filters."""
    weights = knots.new_tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    kernel = torch.outer(weights, weights).expand(2, 1, 5, 5)
    for _ in range(2):
        knots = F.conv2d(F.pad(knots, (2, 2, 2, 2), mode="replicate"), kernel, groups=2)
    return knots


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
        hair: Tensor | None = None,
        shared: bool = False,
    ) -> None:
        """`points` (B, 5, 2) of the faces in a window of `side` pixels.

        With `expression_held` no displacement is possible that would be read as another mood. Where `hair`
        (B, 1, h, w) is 1 only the broad part of it is left: fine movements make straight strands wavy.
        """
        self.hair = hair
        self.frames = frames_of(points, side)
        self.bound, self.symmetry = bound, symmetry
        self._moods = _moods(knots).to(points.device) if expression_held else None
        self.control = at_rest(points, shared, 2, knots)

    def groups(self) -> Iterator[tuple[Tensor, float]]:
        yield self.control, 1 / 12

    def knots(self, rows: Tensor | None = None) -> Tensor:
        """The displacement at the knots (B, 2, knots, knots), in the face's frame."""
        control = torch.tanh(pick(self.control, rows)) * self.bound * EYES
        mirrored = control.flip(3) * control.new_tensor([-1.0, 1.0]).view(1, 2, 1, 1)
        control = control + self.symmetry * 0.5 * (mirrored - control)
        if self._moods is None:
            return control
        flat = control.flatten(1)
        return (flat - (flat @ self._moods.T) @ self._moods).view_as(control)

    def displacement(self, height: int, width: int, rows: Tensor | None = None) -> Tensor:
        """(B, 2, height, width): shifts in x and y as shares of the window's side, before masking."""
        frames, knots = pick(self.frames, rows), self.knots(rows)
        if self.hair is None:
            in_frame = on_pixels(knots, frames, height, width)
        else:
            fine, broad = on_pixels(torch.cat([knots, _broad(knots)], 1), frames, height, width).split(2, 1)
            in_frame = torch.lerp(fine, broad, spread(pick(self.hair, rows), height, width))
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
