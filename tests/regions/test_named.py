"""Words to regions, and regions to masks that lie where faces have them."""

from __future__ import annotations

import pytest
import torch

from faceveil.core.errors import InputError
from faceveil.core.faces.align import template_points
from faceveil.core.faces.face import Face
from faceveil.core.regions.named import KEYWORDS, REGIONS, named_regions, region_mask, regions_in

SIDE = 224


@pytest.fixture
def face():
    points = template_points("arcface", SIDE, torch.zeros(1))
    return Face((20.0, 0.0, 204.0, 224.0), points)


@pytest.mark.parametrize(
    ("prompt", "regions"),
    [
        ("a person wearing red lipstick", ["lips"]),
        ("Golden hair and blue eyes", ["hair", "eyes"]),
        ("make-up, eye shadow", ["makeup", "eyeshadow"]),
        ("a sunny day", []),
        ("lipstick on the lips", ["lips"]),
    ],
)
def test_words_name_regions(prompt, regions):
    assert regions_in(prompt) == regions


def test_every_region_has_a_word_and_every_word_a_region():
    assert set(KEYWORDS.values()) == set(REGIONS)


def test_a_prompt_without_a_region_says_which_words_are_understood():
    with pytest.raises(InputError, match="lips, nose"):
        named_regions("a sunny day")
    with pytest.raises(InputError, match="no region 'elbow'"):
        region_mask([], ["lips"], 8, 8), region_mask([Face((0, 0, 1, 1), torch.rand(5, 2))], ["elbow"], 8, 8)


def test_a_part_that_lies_outside_the_picture_is_no_empty_mask(face):
    with pytest.raises(InputError, match="ends before the chin"):
        region_mask([face], ["chin"], 150, SIDE)
    assert region_mask([face], ["chin", "eyes"], 150, SIDE).any()


@pytest.mark.parametrize("region", REGIONS)
def test_masks_are_soft_symmetric_and_not_empty(face, region):
    mask = region_mask([face], [region], SIDE, SIDE)
    assert mask.shape == (1, 1, SIDE, SIDE) and mask.min() == 0 and mask.max() > 0.9
    assert (mask.diff(dim=-1).abs().max() < 0.5) and (mask.diff(dim=-2).abs().max() < 0.5)
    # ArcFace's points are symmetric to a pixel; so is what is drawn from them.
    assert float((mask - mask.flip(-1)).abs().mean()) < 0.01


def test_regions_lie_where_the_points_say(face):
    eye, _, nose, left_mouth, right_mouth = face.points.round().long()
    at = lambda mask, point: float(mask[0, 0, point[1], point[0]])
    mouth = (left_mouth + right_mouth) // 2
    assert at(region_mask([face], ["eyes"], SIDE, SIDE), eye) == 1
    assert at(region_mask([face], ["lips"], SIDE, SIDE), mouth) > 0.9
    assert at(region_mask([face], ["nose"], SIDE, SIDE), nose) > 0.5
    skin = region_mask([face], ["skin"], SIDE, SIDE)
    assert at(skin, eye) == 0 and at(skin, mouth) < 0.1 and at(skin, nose) > 0.9
    assert at(region_mask([face], ["hair"], SIDE, SIDE), nose) == 0


def test_regions_turn_with_the_face(face):
    turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]])
    centre = torch.tensor([(SIDE - 1) / 2] * 2)
    turned = Face(face.box, (face.points - centre) @ turn.T + centre)
    upright = region_mask([face], ["lips"], SIDE, SIDE)
    assert float((region_mask([turned], ["lips"], SIDE, SIDE) - upright.rot90(-1, (2, 3))).abs().max()) < 1e-3
