"""Soft polygons: exact outside, exact inside, and a rim as wide as asked."""

from __future__ import annotations

import torch

from faceveil.core.regions.polygons import soft_polygon

SQUARE = torch.tensor([[10.0, 10], [30, 10], [30, 30], [10, 30]])


def test_a_square_is_its_area_exactly_zero_outside_and_one_in_the_middle():
    mask = soft_polygon(SQUARE, 40, 50, softness=1e-3)
    assert mask.shape == (1, 1, 40, 50)
    assert float(mask[..., 11:30, 11:30].min()) == 1
    outside = mask.clone()
    outside[..., 10:31, 10:31] = 0
    assert float(outside.abs().max()) == 0


def test_softness_is_the_share_of_the_way_inwards():
    mask = soft_polygon(SQUARE, 40, 40, softness=0.5)[0, 0]
    assert float(mask[20, 20]) == 1 and float(mask[20, 15]) == 1
    assert abs(float(mask[20, 12]) - (3 * 0.4**2 - 2 * 0.4**3)) < 1e-5
    assert mask.diff(dim=0).abs().max() < 0.5


def test_order_does_not_matter_and_hollows_stay_hollow():
    arrow = torch.tensor([[5.0, 5], [35, 5], [20, 15], [35, 35], [5, 35]])
    mask = soft_polygon(arrow, 40, 40, 0.1)
    assert torch.allclose(mask, soft_polygon(arrow.flip(0), 40, 40, 0.1), atol=1e-5)
    assert float(mask[0, 0, 14, 30]) == 0 and float(mask[0, 0, 20, 10]) > 0.9


def test_what_lies_beyond_the_picture_is_left_out():
    half = soft_polygon(SQUARE - 20, 40, 40, 0.1)
    assert half[..., :10, :10].max() > 0.9 and float(half[..., 11:, 11:].max()) == 0
    assert float(soft_polygon(SQUARE + 100, 40, 40).max()) == 0
    assert float(soft_polygon(SQUARE[:1].expand(4, 2), 40, 40).max()) == 0
