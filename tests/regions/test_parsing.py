"""Regions from a parser, whose answer is made up here."""

from __future__ import annotations

import pytest
import torch

from faceveil.core.faces.align import template_points
from faceveil.core.faces.face import Face
from faceveil.core.regions.named import REGIONS, region_mask
from faceveil.core.regions.parsing import PARTS, SIDE, Parsed

PICTURE = torch.zeros(1, 3, 200, 240)
FACE = Face((70.0, 50.0, 170.0, 170.0), template_points("arcface", 100, torch.zeros(1)) + 60)


def parse(heads):
    """Hair in the upper third, skin below, lips in a stripe of it; asked at any size, it answers at a quarter."""
    assert heads.shape[1:] == (3, SIDE, SIDE)
    scores = torch.zeros(len(heads), len(PARTS), SIDE // 4, SIDE // 4)
    scores[:, PARTS.index("skin")] = 8
    scores[:, PARTS.index("hair"), : SIDE // 12] = 16
    scores[:, PARTS.index("lower lip"), SIDE // 6 : SIDE // 5] = 16
    return scores


def test_masks_are_soft_and_exactly_zero_elsewhere():
    parsed = Parsed(PICTURE, parse)
    hair, skin = (parsed.drawn(FACE, region, 200, 240, 0.5) for region in ("hair", "skin"))
    assert hair.shape == (1, 1, 200, 240) and float(hair.max()) == 1 and float(hair[..., 199, :].max()) == 0
    assert float((hair * skin).max()) < 0.5
    rows = hair[0, 0].amax(1).nonzero().flatten()
    assert rows.max() < skin[0, 0].amax(1).nonzero().flatten().max()


def test_the_network_is_asked_once_a_face():
    calls = []
    parsed = Parsed(PICTURE, lambda heads: calls.append(1) or parse(heads))
    for region in ("hair", "lips", "skin"):
        parsed.drawn(FACE, region, 200, 240, 0.5)
    assert len(calls) == 1


@pytest.mark.parametrize("region", ["cheeks", "eyeglasses"])
def test_what_it_does_not_know_or_see_is_left_to_others(region):
    parsed = Parsed(PICTURE, parse)
    assert parsed.drawn(FACE, region, 200, 240, 0.5) is None
    mask = region_mask([FACE], [region], 200, 240, geometries=[parsed])
    assert torch.equal(mask, region_mask([FACE], [region], 200, 240))


def test_regions_that_it_knows_replace_those_of_five_points():
    mask = region_mask([FACE], ["hair"], 200, 240, geometries=[Parsed(PICTURE, parse)])
    assert torch.equal(mask, Parsed(PICTURE, parse).drawn(FACE, "hair", 200, 240, 0.5))
    assert all(region_mask([FACE], [each], 200, 240, geometries=[Parsed(PICTURE, parse)]).max() > 0 for each in REGIONS)
