"""Bounds by place: bare skin forgives nearly nothing, texture more, and what speaks of a mood less than its texture."""

from __future__ import annotations

import torch

from faceveil.core.faces.crops import Window
from faceveil.core.faces.masks import frame_coordinates
from faceveil.core.veil.forgiving import LIGHT, forgiving
from faceveil.core.veil.light import LumaField
from faceveil.core.veil.warp import WarpField

SIDE, FACE = 256, 0.6
POINTS = torch.tensor([[[100.0, 105.0], [156.0, 105.0], [128.0, 140.0], [104.0, 172.0], [152.0, 172.0]]])
WINDOW = Window(0, 0, SIDE, SIDE)


def bare() -> torch.Tensor:
    return torch.full((1, 3, SIDE, SIDE), 0.6)


def hairy(amount: float = 0.2) -> torch.Tensor:
    """Strands, straight down, everywhere."""
    strands = 0.6 + amount * torch.sin(torch.arange(SIDE) * torch.pi / 3)
    return strands.expand(1, 3, SIDE, SIDE).clone()


def of(picture: torch.Tensor):
    return forgiving(picture, [WINDOW], POINTS, SIDE, FACE)


def test_bare_skin_forgives_what_goes_unnoticed_and_no_more():
    light = of(bare()).light
    for index, (band, least) in enumerate(zip(LIGHT, (2, 3, 4), strict=True)):
        assert torch.isclose(light[:, index].max(), torch.tensor(band.share * 0.15 * least / 255), atol=1e-5)


def test_texture_hides_more_in_its_own_band_than_in_a_broad_one():
    bare_light, hairy_light = of(bare()).light, of(hairy()).light
    gain = (hairy_light / bare_light)[0, :, 80:176, 80:176].mean((1, 2))
    assert gain[0] > 1.3 * gain[-1]


def test_an_edge_that_stands_alone_hides_little_on_the_skin_beside_it():
    """A cheek's outline before a white collar: a blot beside it would be seen on the cheek."""
    collared = bare()
    collared[..., 150:] = 1.0
    beside = (0, 0, slice(140, 160), slice(138, 146))
    assert of(collared).light[beside].mean() < 0.3 * of(hairy()).light[beside].mean()


def test_hair_lets_no_blotch_onto_the_cheek_beside_it():
    """Nor do lips onto the skin above them: details vouch for light where they are."""
    beside_hair = bare()
    beside_hair[..., 150:] = hairy()[..., 150:]
    cheek = (0, slice(1, 3), slice(110, 160), slice(138, 144))
    assert of(beside_hair).light[cheek].mean() < 2 * of(bare()).light[cheek].mean()


def test_shade_hides_little_light_and_the_same_shade_on_rough_skin_hides_more():
    """The shadow that a nose throws would be filled, and its ridge be gone."""
    shadow = 0.25 * torch.sigmoid((torch.arange(SIDE) - 128) / 3).expand(1, 3, SIDE, SIDE)
    grain = 0.04 * torch.randn(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    along = (0, slice(1, 3), slice(115, 135), slice(122, 134))
    smooth, rough = (of(picture).light[along].mean() for picture in (bare() + shadow, bare() + shadow + grain))
    assert smooth < 0.5 * rough


def test_what_a_small_photo_blurs_vouches_for_less():
    """Details of a pixel are wide on a small face, and what is wide is strong on bare skin too."""
    grain = 0.6 + 0.04 * torch.randn(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))

    def bound(side: int) -> torch.Tensor:
        """With the same grain of one pixel, which is twice as wide on a face of half the size."""
        picture = grain.expand(1, 3, -1, -1)[..., :side, :side].contiguous()
        return forgiving(picture, [Window(0, 0, side, side)], POINTS, SIDE, FACE).light[0, 0].mean()

    assert bound(SIDE // 2) < 0.75 * bound(SIDE)


def test_strong_contrast_hides_more_but_not_as_much_more_as_it_is():
    """The rim of a dark brow does not let through a blot as strong as itself."""
    weak, strong = (of(hairy(amount)).light[0, 0, 140:176, 60:80].mean() for amount in (0.05, 0.4))
    assert 2 * weak < strong < 6 * weak


def test_places_that_a_mood_is_read_from_are_spared():
    features = of(hairy()).features[0, 0]
    eye, nose = features[105, 100], features[130, 128]
    assert eye < 0.5 and nose > 0.9


def test_light_is_kept_from_the_rim_of_a_face_and_follows_a_turned_head():
    ahead = of(hairy()).features[0, 0, 145]
    assert ahead[128] > 0.9 and ahead[50] < 0.2 and ahead[-50] < 0.2
    turned = POINTS.clone()
    turned[:, 2, 0] -= 0.02 * SIDE  # the nose points to the left, where less of the face is seen
    aside = forgiving(hairy(), [WINDOW], turned, SIDE, FACE).features[0, 0, 145]
    assert aside[70] < ahead[70] - 0.1 and aside[-70] > ahead[-70] + 0.1


def test_hair_lies_outside_of_the_features_and_only_where_there_is_texture():
    assert of(bare()).hair.max() < 1e-4
    hair = of(hairy()).hair[0, 0]
    u, v = frame_coordinates(POINTS, SIDE, SIDE)
    inside = ((u[0] - 0.5).abs() < 0.15) & ((v[0] - 0.6).abs() < 0.15)
    assert hair[inside].max() == 0
    assert hair[20:40, 60:200].mean() > 0.9


def test_light_stays_within_the_sum_of_its_bounds_at_every_size():
    bounds = of(hairy()).light
    field = LumaField(POINTS, SIDE, 0.5, [band.knots for band in LIGHT], bounds)
    for index, control in enumerate(field.control):
        control.data = 99 * torch.randn(control.shape, generator=torch.Generator().manual_seed(index)).sign()
    for size in (SIDE, 3 * SIDE):
        picture = torch.full((1, 3, size, size), 0.5)
        change = (field.apply(picture, torch.ones(1, 1, size, size)) - picture).abs()
        most = torch.nn.functional.interpolate(bounds.sum(1, keepdim=True), (size, size), mode="bilinear")
        assert (change <= 0.5 * most + 1e-5).all()
        assert change.max() > 0.1 * most.max()


def test_strands_may_move_and_may_not_be_bent():
    def strain(hair: torch.Tensor | None) -> tuple[float, float]:
        warp = WarpField(POINTS, SIDE, 0.14, 1.0, hair=hair)
        for index, control in enumerate(warp.control):
            control.data = torch.randn(control.shape, generator=torch.Generator().manual_seed(index)) * 3
        moved = warp.displacement(SIDE, SIDE)
        return moved.diff(dim=-2).abs().amax().item(), moved.abs().mean().item()

    (free, _), (held, left) = strain(None), strain(torch.ones(1, 1, SIDE, SIDE))
    assert held < 0.6 * free and left > 0
