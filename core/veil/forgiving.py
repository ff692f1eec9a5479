"""How much each place of a face forgives: the bounds of what a search may change there.

Looked for where a face has a thousand pixels, or as many as the photo gives: skin that is smooth on a small copy may be
full of pores, and what a small copy blurs may be a single lash.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

from ..faces.align import similarity, template_points
from ..faces.crops import Window, resize
from ..faces.masks import Ellipse, eased, frame_coordinates
from ..faces.movements import EYE, INNER_BROW, MIDDLE_BROW, MOUTH_CORNER, OUTER_BROW, mirrored
from ..perception.blur import blurred
from ..perception.colour import luma
from ..perception.looks import MASKED, unnoticed
from ..perception.masking import spread_contrast, texture


@dataclass(frozen=True)
class Band:
    """Details of one width, a share of the face."""

    width: float
    knots: int
    share: float
    """How much of what goes unnoticed may be used: broad light models a face, which is seen as a pale patch or another
    nose, and hides little from a recogniser."""


LIGHT = (
    Band(0.0085, 96, 1.0),
    Band(0.0156, 56, 0.5),
    Band(0.031, 28, 0.1),
)
_ENOUGH = 1024
"""Pixels of a face beyond which its finest band is no finer, and a large photo only costs memory."""

_SPEAKING = (MOUTH_CORNER, (0.44, 0.825), (0.5, 0.825), INNER_BROW, MIDDLE_BROW, OUTER_BROW, EYE)
"""Places where a little shadow looks like another mood, and paleness like illness."""
_REACH = 0.05
"""How far such a place reaches, in the face's frame."""
_SPARED = 0.6
"""The share of a change of brightness that is kept from it."""

_CLEAR, _COMPRESSED = 0.016, 0.65
"""Contrast above which further contrast hides less and less, and the power of that: otherwise the rim of a dark brow or
a nostril would let a blot through that is as strong as itself."""
_BARE = 0.15
"""The share that may be used of what goes unnoticed on bare skin: what texture hides does more, and smooth cheeks would
look mottled though no single place does."""
_SPREAD = 1.6
"""How much more texture hides than looks are judged by, where it is spread."""
_DETAIL, _BESIDE = 0.004, 1.5
"""Fine details of this width, as a share of the face, tell texture from shade; broader contrast counts up to so many
times theirs. Hair and stubble are rough at every width, the shadow of a nose and the turn of a cheek are smooth: light
hidden in those would fill the shadow and flatten the nose."""
_AROUND = 2
"""How far around themselves details vouch for broader contrast, in widths of theirs: as far as a band of light is wide,
hair beside a cheek would let a blotch onto the cheek."""

_FEATURES: Ellipse = (0.5, 0.62, 0.33, 0.36)
"""Brows, eyes, nose and mouth: texture outside of it is hair."""
_RIM = 0.9
"""The share of a change of brightness that is kept from the cheeks' sides and the forehead: there the contrast of hair
would allow what looks like a bruise, and to a recogniser they matter least."""
_TURNS = 1.7
"""How far the middle of a turned face lies from that of the eyes, in units of the nose's tip on the other side."""
_HAIR = 1 / 3
"""Texture, of what hides a change fully, at which a place is all hair."""


@dataclass(frozen=True)
class Forgiving:
    """Maps of the windows of some faces (B, ..., size, size)."""

    light: Tensor
    """By band, the change of brightness that goes unnoticed."""
    features: Tensor
    """The share of a feature's change that its place lets through."""
    hair: Tensor
    """1 where strands run, which a warp may move and may not bend."""


def forgiving(image: Tensor, windows: Sequence[Window], points: Tensor, size: int, face: float) -> Forgiving:
    """For windows of a photo with five points of each face (B, 5, 2) at `size`; a face takes the share `face` of it."""
    light, textured = [], []
    for window in windows:
        side = min(window.height, round(_ENOUGH / face))
        own = luma(resize(window.cut(image), side, side))
        vouched = _vouched(own, face * side)
        bands = torch.cat([_unnoticed(own, vouched, band, face * side) for band in LIGHT], 1)
        light.append(F.interpolate(bands, (size, size), mode="area"))
        textured.append(F.interpolate(texture(own, face * side), (size, size), mode="area"))
    coordinates = frame_coordinates(points, size, size)
    calm = _calm(coordinates)
    outside = _outside(coordinates, _FEATURES, _turned(points))
    hair = (torch.cat(textured) / _HAIR).clamp(max=1) * outside
    spared = calm * (1 - _RIM * outside)
    return Forgiving(torch.cat(light) * spared, spared, hair)


def joined(photos: Sequence[Forgiving]) -> Forgiving:
    """The maps of the faces of several photos, one after the other."""
    return Forgiving(*(torch.cat([getattr(each, entry.name) for each in photos]) for entry in fields(Forgiving)))


def _unnoticed(bright: Tensor, vouched: Tensor, band: Band, face: float) -> Tensor:
    """What may change of a band's brightness: a share of what goes unnoticed there as looks are judged, and more where
    texture is spread, as far as contrast is `vouched` for. The face is `face` pixels wide."""
    reach = (2 * band.width + 0.004) * face
    contrast = torch.minimum(spread_contrast(_details(bright, band.width * face), reach), vouched) * _SPREAD
    hidden = torch.where(contrast > _CLEAR, _CLEAR * (contrast / _CLEAR).clamp_min(1) ** _COMPRESSED, contrast)
    return band.share * (_BARE * unnoticed(band.width) + MASKED * hidden)


def _vouched(bright: Tensor, face: float) -> Tensor:
    """How much broader contrast fine details vouch for at each place."""
    pixels = _detail(face)
    detail = spread_contrast(_details(bright, pixels), _AROUND * pixels)
    # What is wider than a detail is stronger, in proportion, on any skin.
    return _BESIDE * detail * (_DETAIL * face / pixels)


def _detail(face: float) -> float:
    """How many pixels wide: no finer than the photo is."""
    return max(_DETAIL * face, 1.0)


def _details(bright: Tensor, pixels: float) -> Tensor:
    """What of a luma is about this wide."""
    return blurred(bright, pixels) - blurred(bright, 2 * pixels)


def _calm(coordinates: tuple[Tensor, Tensor]) -> Tensor:
    """What is left of a change beside the places that an expression is read from (B, 1, h, w)."""
    u, v = coordinates
    near = torch.zeros_like(u)
    for left in _SPEAKING:
        for x, y in (left, mirrored(left)):
            near = torch.maximum(near, (-((u - x) ** 2 + (v - y) ** 2) / (2 * _REACH**2)).exp())
    return 1 - _SPARED * near[:, None]


def _turned(points: Tensor) -> Tensor:
    """How far the middle of each face (B, 1, 1) lies beside that of its eyes, in its own frame: a turned head shows
    more of one side, and its nose points to the other."""
    frame = similarity(points, template_points("arcface", 1, points))
    across = (points @ frame[:, 0, :2, None])[..., 0]
    return _TURNS * (across[:, :2].mean(1) - across[:, 2])[:, None, None]


def _outside(coordinates: tuple[Tensor, Tensor], ellipse: Ellipse, shift: Tensor) -> Tensor:
    """0 inside, 1 outside (B, 1, h, w), with a soft rim about the ellipse, which lies `shift` further to the right."""
    u, v = coordinates
    x, y, half_width, half_height = ellipse
    square = ((u - shift - x) / half_width) ** 2 + ((v - y) / half_height) ** 2
    return eased((square - 0.6) / 0.8)[:, None]
