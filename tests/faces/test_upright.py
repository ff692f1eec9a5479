"""Upright crops: what is cut lies where it should, and finds its way back."""

from __future__ import annotations

import math

import pytest
import torch

from faceveil.core.faces.align import template_points
from faceveil.core.faces.face import Face
from faceveil.core.faces.upright import cut, framing, laid_back, outwards

SIDE = 128


def face(turn: float = 0.0, size: float = 60.0, centre: tuple[float, float] = (90.0, 80.0)) -> Face:
    points = template_points("arcface", size, torch.zeros(1)) - size / 2
    c, s = math.cos(turn), math.sin(turn)
    points = points @ torch.tensor([[c, s], [-s, c]]) + torch.tensor(centre)
    return Face((60.0, 50.0, 120.0, 110.0), points)


@pytest.mark.parametrize("turn", [0.0, 0.5, -1.2, 3.0])
def test_faces_come_out_upright_in_the_middle(turn):
    turned = face(turn)
    matrix = framing(turned, SIDE, 4.0)
    inside = turned.points @ matrix[:, :2].T + matrix[:, 2]
    eyes, mouth = inside[:2].mean(0), inside[3:].mean(0)
    assert torch.allclose((eyes + mouth) / 2, torch.full((2,), (SIDE - 1) / 2), atol=1e-3)
    assert abs(float(eyes[0] - mouth[0])) < 0.5 and float(mouth[1] - eyes[1]) > 0
    apart = (float((inside[1] - inside[0]).norm()) + float((mouth - eyes).norm())) / 2
    assert apart == pytest.approx(SIDE / 4.0, rel=1e-3)
    assert torch.allclose(outwards(inside, matrix), turned.points, atol=1e-3)


def test_rise_moves_the_crop_up():
    low, high = (framing(face(), SIDE, 4.0, rise) for rise in (0.0, 1.0))
    moved = (high - low)[:, 2]
    assert abs(float(moved[0])) < 0.1 and float(moved[1]) == pytest.approx(SIDE / 4.0, rel=1e-3)


def test_a_large_face_is_averaged_before_it_is_sampled():
    image = torch.zeros(1, 3, 512, 512)
    image[..., ::2] = 1
    crop = cut(image, framing(face(size=300.0, centre=(256.0, 256.0)), 32, 3.0), 32)
    assert float((crop - 0.5).abs().max()) < 0.1


@pytest.mark.parametrize("size", [60.0, 300.0])
def test_what_is_cut_and_laid_back_lies_where_it_was(size):
    side = int(size * 4)
    yes, no = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    image = torch.stack([yes / side, no / side, (yes + no) / (2 * side)])[None].float()
    there = face(0.4, size, (side / 2, side / 2))
    matrix = framing(there, SIDE, 4.0)
    crop = cut(image, matrix, SIDE)
    for channel in range(3):
        back = laid_back(crop[:, channel : channel + 1], matrix, side, side)
        near = slice(int(side * 0.42), int(side * 0.58))
        assert float((back[0, 0, near, near] - image[0, channel, near, near]).abs().max()) < 0.01
    assert float(laid_back(torch.ones(1, 1, SIDE, SIDE), matrix, side, side)[..., 0, 0]) == 0
