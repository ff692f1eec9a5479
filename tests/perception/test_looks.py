"""Looks: what moved is shape, what was drawn is paint, what was dyed is tint, and new light is nothing."""

from __future__ import annotations

import pytest
import torch

from faceveil.core.faces.crops import window_around
from faceveil.core.faces.find import find_faces
from faceveil.core.images import read_photo, to_bchw
from faceveil.core.perception.looks import look
from faceveil.core.veil.light import FeatureContrast
from faceveil.core.veil.warp import WarpField


@pytest.fixture(scope="module")
def seen(examples):
    photo = to_bchw(read_photo(examples / "portrait.png").pixels)
    face = find_faces(photo, which="largest")[0]
    window = window_around(face, 0.15)
    return window.cut(photo), window.moved(face).points, max(face.box[3] - face.box[1], face.box[2] - face.box[0])


def spot(picture: torch.Tensor, points: torch.Tensor, colour: tuple[float, float, float]) -> torch.Tensor:
    """A smudge on the cheek, as wide as a nostril."""
    height, width = picture.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    eye, mouth = points[0], points[3]
    middle, reach = (eye + mouth) / 2, 0.12 * float((points[1] - points[0]).norm())
    blot = torch.exp(-((x - middle[0]) ** 2 + (y - middle[1]) ** 2) / (2 * reach**2))
    return (picture + blot * torch.tensor(colour).view(1, 3, 1, 1)).clamp(0, 1)


def test_nothing_is_nothing(seen):
    picture, points, side = seen
    found = look(picture, picture.clone(), points, side)
    assert (found.paint, found.tint, found.shape, found.expression, found.growth) == (0, 0, 0, 0, 0)


def test_more_light_is_forgiven(seen):
    picture, points, side = seen
    assert look(picture, picture**0.9, points, side).paint < 0.1


def test_a_smudge_is_paint_where_it_is_and_a_dyed_one_is_tint(seen):
    picture, points, side = seen
    dark = look(picture, spot(picture, points, (-0.25, -0.25, -0.25)), points, side)
    dyed = look(picture, spot(picture, points, (0.15, -0.1, 0.05)), points, side)
    middle = (points[0] + points[3]) / 2
    distance = (torch.tensor(dark.worst) - middle).norm() / (points[1] - points[0]).norm()
    assert distance < 0.4 and dark.paint > dark.tint and dyed.tint > dyed.paint


def test_a_warp_is_shape_and_hardly_paint(seen):
    picture, points, side = seen
    warp = WarpField(points[None], picture.shape[-1], 0.12, 1.0, expression_held=True)
    for index, control in enumerate(warp.control):
        control.data.uniform_(-2, 2, generator=torch.Generator().manual_seed(index))
    moved = warp.apply(picture, torch.ones_like(picture[:, :1])).clamp(0, 1)
    found = look(picture, moved, points, side)
    noise = torch.randn(picture.shape, generator=torch.Generator().manual_seed(0)) * 8 / 255
    grainy = look(picture, (picture + noise).clamp(0, 1), points, side)
    assert 0.01 < found.shape < 0.1 and found.paint < grainy.paint


def test_a_broader_nose_is_growth_and_a_face_that_is_moved_is_none(seen):
    picture, points, side = seen
    height, width = picture.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    nose, eyes = points[2], float((points[1] - points[0]).norm())
    near = torch.exp(-((x - nose[0]) ** 2 + (y - nose[1]) ** 2) / (2 * (0.35 * eyes) ** 2))

    def stretched(by: float, across: float = 0.0) -> torch.Tensor:
        """The nose broader by a share, and all of the picture moved by a share of the eyes' distance."""
        there = x - by * near * (x - nose[0]) - across * eyes
        grid = torch.stack([2 * there / (width - 1) - 1, 2 * y / (height - 1) - 1], -1)[None]
        return torch.nn.functional.grid_sample(
            picture, grid, mode="bicubic", padding_mode="border", align_corners=True
        ).clamp(0, 1)

    siblings, caricature = (look(picture, stretched(by), points, side).growth for by in (0.06, 0.3))
    assert siblings < 2.5 < 3.5 < caricature
    assert look(picture, stretched(0.0, across=0.03), points, side).growth < 1


def test_features_may_be_stronger_but_smooth_skin_stays_smooth(seen):
    picture, points, _ = seen
    contrast = FeatureContrast(points[None], picture.shape[-1], 0.77, ((0.03, 24, 0.2),))
    contrast.control[0].data.fill_(9)
    mask = torch.ones_like(picture[:, :1])
    grey = torch.full_like(picture, 0.5)
    assert torch.allclose(contrast.apply(grey, mask), grey, atol=1e-5)
    change = (contrast.apply(picture, mask) - picture).abs()
    assert 0.01 < float(change.max()) < 0.2


def test_a_warp_that_holds_the_expression_leaves_every_mood_alone():
    from faceveil.core.veil.warp import _moods

    points = torch.tensor([[[38.0, 51.0], [73.0, 51.0], [56.0, 71.0], [41.0, 92.0], [70.0, 92.0]]])
    warp = WarpField(points, 112, 0.2, 1.0, expression_held=True, growth=2.0)
    for index, control in enumerate(warp.control):
        control.data.uniform_(-2, 2, generator=torch.Generator().manual_seed(index))
    knots = warp.knots()
    assert knots.abs().max() > 0.01
    assert (knots.flatten(1) @ _moods().T).abs().max() < 1e-5
