"""What a person would notice of a changed face, at the size at which it fills a screen.

*paint*: the change of brightness that is left when smooth motion and a change of light over the whole face are undone,
band by band, in units of what goes unnoticed there. *tint*: the same for colour. *shape*: how far the face's parts
moved. A mean over the face hardly notices a scar, and a distance of deep features little of it: so paint and tint are
taken where most shows, and what only moved counts as shape alone. RESULTS.md says how this ranks pictures that people
have labelled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import log2

import torch
import torch.nn.functional as F
from torch import Tensor

from ..faces.align import similarity, template_points
from ..faces.crops import Window, window_around
from ..faces.face import Face
from ..faces.masks import face_oval, frame_coordinates
from ..faces.movements import MOODS, PROPORTIONS, Movement, other_side
from .blur import blurred
from .colour import luma
from .motion import motion_between, moved

SIDE = 512
"""Pixels to which a face's longer side is brought: about what it takes when it fills a screen."""

LEAST = tuple(value / 255 for value in (1.2, 1.5, 2.0, 3.0, 4.0, 6.0))
"""Change of brightness on bare skin that just goes unnoticed, by band of 1 to 32 pixels: broad ones pass as light."""
_LEAST_COLOUR = tuple(value / 255 for value in (2.0, 2.0, 2.0, 2.0, 3.0, 3.0))
MASKED, _MASKED_COLOUR = 2.0, 1.0
"""How much of the contrast that is there hides a change in its own band."""
_JOINED = 3.0
"""The power by which bands and neighbours are summed: what shows most decides."""
_SPOT = 6.0
"""Pixels around a place that are seen as one."""
_MARGIN = 0.15
"""Margin of the picture that is compared: little more than the face."""
_SHARE = 0.95
"""The quantile over the face that paint and tint are."""
_FAR = 0.98
"""The quantile of how far parts moved that shape is."""


@dataclass(frozen=True)
class Looks:
    """Each 0 when nothing changed. `paint` and `tint` in units of what goes unnoticed, the others in eye distances."""

    paint: float
    tint: float
    shape: float
    """How far parts of the face moved."""
    uneven: float
    """How much of that is not the same left and right."""
    expression: float
    """The largest movement that is read as another mood."""
    growth: float = 0.0
    """The largest change of a proportion, in units of what passes: a nose by a third broader is 3 and another's."""
    worst: tuple[int, int] = (0, 0)
    """Where paint or tint shows most: x and y in the picture that was given."""


def unnoticed(width: float) -> float:
    """Change of brightness on bare skin that just goes unnoticed, in details of this width as a share of the face."""
    return LEAST[round(log2(width * SIDE))]


def look_at(before: Tensor, after: Tensor, face: Face) -> Looks:
    """Compare one face of two pictures (1, 3, H, W); `worst` is a place of them."""
    around, seen = _close(before, after, face)
    looks = look(*seen)
    return replace(looks, worst=(looks.worst[0] + around.left, looks.worst[1] + around.top))


def look(before: Tensor, after: Tensor, points: Tensor, side: float) -> Looks:
    """Compare a face of two pictures (1, 3, H, W) with five points (5, 2); `side` is its longer side in pixels.

    The pictures should hold little more than the face.
    """
    seen = _compared(before, after, points, side)
    inside = seen.mask > 0.3
    worst = torch.where(inside, torch.maximum(seen.paint, seen.tint), -1).flatten().argmax().item()
    scale, width = SIDE / side, inside.shape[-1]
    place = (int((worst % width + 0.5) / scale), int((worst // width + 0.5) / scale))
    if torch.equal(before, after):
        return Looks(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, place)
    shows, dyed = (float(each[inside].quantile(_SHARE)) for each in (seen.paint, seen.tint))
    shape, uneven, expression, growth = _shape(seen.motion, seen.points, inside)
    return Looks(shows, dyed, shape, uneven, expression, growth, place)


def paint_by_place(before: Tensor, after: Tensor, face: Face) -> tuple[Tensor, Tensor]:
    """How much paint shows at each place of one face of two pictures (1, 3, H, W): a map (1, 1, h, w) of the face as it
    was, before its parts moved, and its points (5, 2) there."""
    seen = _compared(*_close(before, after, face)[1])
    return moved(seen.paint * seen.mask, -seen.motion), seen.points


def _close(before: Tensor, after: Tensor, face: Face) -> tuple[Window, tuple[Tensor, Tensor, Tensor, float]]:
    """Where a face is looked at, and what `look` takes of it: little more than the face, of both pictures."""
    around = window_around(face, _MARGIN)
    return around, (around.cut(before), around.cut(after), around.shift(face.points), window_around(face, 0.0).height)


@dataclass(frozen=True)
class _Compared:
    """A face of two pictures at the size at which it is looked at."""

    points: Tensor
    mask: Tensor
    motion: Tensor
    paint: Tensor
    tint: Tensor


def _compared(before: Tensor, after: Tensor, points: Tensor, side: float) -> _Compared:
    scale = SIDE / side
    size = [max(16, round(length * scale)) for length in before.shape[-2:]]
    here = (points.to(before) + 0.5) * scale - 0.5
    pair = [F.interpolate(picture, size, mode="bicubic", antialias=True).clamp(0, 1) for picture in (before, after)]
    mask = face_oval(here[None], *size)
    motion = motion_between(luma(pair[0]), luma(pair[1]))
    return _Compared(here, mask, motion, *_visible(moved(pair[0], motion), pair[1], mask))


def _visible(before: Tensor, after: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """How much shows at each place, of brightness and of colour (1, 1, h, w)."""
    were, are = _opponents(before), _opponents(after)
    hiding = [
        blurred(band.square(), 2 * 2**index + 1).clamp_min(0).sqrt() for index, band in enumerate(_bands(were[0]))
    ]
    changes = [_without_light(now, then, mask) for now, then in zip(are, were, strict=True)]
    brightness = _pooled([changes[0]], hiding, LEAST, MASKED)
    return brightness, _pooled(changes[1:], hiding, _LEAST_COLOUR, _MASKED_COLOUR)


def _opponents(picture: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Brightness, and blue and red against it."""
    bright = luma(picture)
    return bright, (picture[:, 2:] - bright) / 1.772, (picture[:, :1] - bright) / 1.402


def _without_light(after: Tensor, before: Tensor, mask: Tensor) -> Tensor:
    """What a curve over all of the face, such as another exposure, does not explain."""
    curve = torch.stack([before.new_ones(before.numel()), before.flatten(), before.flatten() ** 2], 1).double()
    weighed = curve * mask.flatten()[:, None]
    flatten = 1e-6 * torch.eye(3, dtype=curve.dtype, device=curve.device)
    fit = torch.linalg.solve(curve.T @ weighed + flatten, weighed.T @ after.flatten().double())
    return after - (curve @ fit).view_as(after).to(after.dtype)


def _bands(picture: Tensor) -> list[Tensor]:
    """Laplacian bands of 1, 2, 4 ... pixels."""
    steps = [picture, *(blurred(picture, 2**index) for index in range(len(LEAST)))]
    return [fine - broad for fine, broad in pairwise(steps)]


def _pooled(changes: Sequence[Tensor], hiding: Sequence[Tensor], least: Sequence[float], masked: float) -> Tensor:
    """All bands of all channels against what each place forgives, as one map."""
    total = torch.zeros_like(changes[0])
    for change in changes:
        for index, band in enumerate(_bands(change)):
            seen = blurred(band.abs(), 2**index) / (least[index] + masked * hiding[index])
            total = total + seen.clamp_min(0) ** _JOINED
    return blurred(total, _SPOT).clamp_min(0) ** (1 / _JOINED)


def _shape(motion: Tensor, points: Tensor, inside: Tensor) -> tuple[float, float, float, float]:
    """How far parts moved, how unevenly, and how much as an expression, in eye distances; and as another proportion, in
    units of what passes.

    `motion` points back to where a pixel came from, so what a place did is its opposite.
    """
    template = template_points("arcface", 1, points)
    frame, eyes = similarity(points, template), float((template[1] - template[0]).norm())
    in_frame = torch.einsum("rc,bchw->brhw", frame[:, :2], -motion) / eyes

    def at(u: Tensor, v: Tensor) -> Tensor:
        """(2, ...) the movement at places of the face's frame."""
        there = torch.stack([u, v], -1) - frame[:, 2]
        x, y = (there @ torch.linalg.inv(frame[:, :2]).T).unbind(-1)
        height, width = motion.shape[-2:]
        grid = torch.stack([2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], -1)
        return F.grid_sample(in_frame, grid.view(1, 1, -1, 2), align_corners=True)[0, :, 0].view(2, *u.shape)

    u, v = frame_coordinates(points[None], *motion.shape[-2:])
    here, there = at(u[0], v[0]), at(1 - u[0], v[0]) * motion.new_tensor([-1.0, 1.0]).view(2, 1, 1)
    moods = [_strength(mood, at, motion) for known in MOODS for mood in (known, other_side(known))]
    grown = [_strength(each, at, motion) / each.passes for each in PROPORTIONS]
    within = inside[0, 0]
    far, uneven = (x.square().sum(0).sqrt()[within].quantile(_FAR) for x in (here, (here - there) / 2))
    return float(far), float(uneven), max(moods), max(grown)


def _strength(movement: Movement, at: Callable[[Tensor, Tensor], Tensor], like: Tensor) -> float:
    """How much a movement took place, in eye distances."""
    places = like.new_tensor([place for place, _ in movement.weights])
    weights = like.new_tensor([weight for _, weight in movement.weights])
    return abs(float((at(places[:, 0], places[:, 1])[movement.axis] * weights).sum()))
