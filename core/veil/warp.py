"""A small smooth change of a face's shape that leaves its expression and the run of its hair alone, and changes no
proportion by more than passes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from ..faces.movements import MOODS, PROPORTIONS, Movement, other_side
from .frame import EYES, LEFT, SPAN, TOP, at_rest, broad, frames_of, on_pixels, pick, spline_weights, spread

LEVELS = ((7, 0.5), (11, 0.3), (18, 0.2))
"""Knots, and the share of the displacement that is theirs: broad movements are large and fine ones small, so a part may
move and cannot be blown up."""
_FINEST = LEVELS[-1][0]


@cache
@torch.inference_mode(False)  # whoever wears a veil first asks inside of it, and whoever searches next needs gradients
def _upto_finest(knots: int) -> Tensor:
    """Weights (finest, knots) that bring a level's knots to the finest one's."""
    inner = spline_weights(_FINEST - 2, knots, torch.zeros(()))
    return torch.cat([inner[:1], inner, inner[-1:]])


@cache
@torch.inference_mode(False)
def _moods() -> Tensor:
    """An orthonormal basis (moods, 2 * knots * knots) of the displacements that are an expression."""
    return torch.linalg.svd(
        torch.stack([_of_knots(mood) for known in MOODS for mood in (known, other_side(known))]),
        full_matrices=False,
    ).Vh[: 2 * len(MOODS) - 1]  # knitted brows are their own other side


@cache
@torch.inference_mode(False)
def _proportions() -> tuple[Tensor, Tensor, Tensor]:
    """How much of each proportion a displacement changes (proportions, 2 * knots * knots), the displacements that
    change one of them, no other and no mood (2 * knots * knots, proportions), and how much of each passes."""
    moods = _moods()
    read = torch.stack([_of_knots(each) for each in PROPORTIONS])
    read = read - (read @ moods.T) @ moods
    return read, torch.linalg.pinv(read), torch.tensor([each.passes for each in PROPORTIONS]) * EYES


def _of_knots(movement: Movement) -> Tensor:
    """What a movement is, as weights of a warp's knots."""
    weights = torch.zeros(2, _FINEST, _FINEST)
    fine = 4001
    spline = spline_weights(fine, _FINEST, weights)
    for (u, v), weight in movement.weights:
        column, row = (round((place - start) / SPAN * (fine - 1)) for place, start in ((u, LEFT), (v, TOP)))
        weights[movement.axis] += weight * torch.outer(spline[row], spline[column])
    return weights.flatten()


FREE = 100.0
"""Growth that holds no proportion at all."""


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
        symmetry: float = 0.0,
        expression_held: bool = False,
        growth: float = FREE,
        hair: Tensor | None = None,
        shared: bool = False,
    ) -> None:
        """`points` (B, 5, 2) of the faces in a window of `side` pixels.

        With `expression_held` no displacement is possible that would be read as another mood, and none that changes a
        proportion by more than `growth` times what passes. Where `hair` (B, 1, h, w) is 1 only the broad part of it is
        left: fine movements make straight strands wavy.
        """
        self.hair = hair
        self.frames = frames_of(points, side)
        self.bound, self.symmetry, self.expression_held, self.growth = bound, symmetry, expression_held, growth
        self.control = [at_rest(points, shared, 2, knots) for knots, _ in LEVELS]

    def groups(self) -> Iterator[tuple[Tensor, float]]:
        for control in self.control:
            yield control, 1 / 12

    def knots(self, rows: Tensor | None = None) -> Tensor:
        """The displacement at the finest knots (B, 2, knots, knots), in the face's frame."""
        levels = []
        for control, (count, share) in zip(self.control, LEVELS, strict=True):
            up = _upto_finest(count).to(control)
            levels.append(up @ (torch.tanh(pick(control, rows)) * share) @ up.T)
        total = torch.stack(levels).sum(0)
        mirrored = total.flip(3) * total.new_tensor([-1.0, 1.0]).view(1, 2, 1, 1)
        total = (total + self.symmetry * 0.5 * (mirrored - total)) * self.bound * EYES
        flat = total.flatten(1)
        if self.expression_held:
            moods = _moods().to(flat)
            flat = flat - (flat @ moods.T) @ moods
            if self.growth < FREE:
                flat = self._grown_little(flat)
        return flat.view_as(total)

    def _grown_little(self, flat: Tensor) -> Tensor:
        """The displacement with every change of a proportion kept within its limit by a tanh: small ones stay as they
        are."""
        read, write, passes = (each.to(flat) for each in _proportions())
        limit = passes * max(self.growth, 1e-6)
        change = flat @ read.T
        return flat + (limit * torch.tanh(change / limit) - change) @ write.T

    def displacement(self, height: int, width: int, rows: Tensor | None = None) -> Tensor:
        """(B, 2, height, width): shifts in x and y as shares of the window's side, before masking."""
        frames, knots = pick(self.frames, rows), self.knots(rows)
        if self.hair is None:
            in_frame = on_pixels(knots, frames, height, width)
        else:
            free, unbent = on_pixels(torch.cat([knots, broad(broad(knots))], 1), frames, height, width).split(2, 1)
            in_frame = torch.lerp(free, unbent, spread(pick(self.hair, rows), height, width))
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
