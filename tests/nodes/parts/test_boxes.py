"""Boxes of other detectors, in every form that they come in."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from faceveil.core.errors import InputError, NoFaceError
from faceveil.core.faces.find import find_faces
from faceveil.core.images import to_bhwc
from faceveil.nodes.parts.boxes import boxes_of
from faceveil.nodes.parts.finding import find_in_pictures

FIRST, SECOND = (
    {"x": 10, "y": 20, "width": 30, "height": 40},
    {"x": 0, "y": 0, "width": 5, "height": 5, "label": "face"},
)
SIDES = (10.0, 20.0, 40.0, 60.0), (0.0, 0.0, 5.0, 5.0)


def test_one_box_those_of_a_picture_those_of_each_and_landmarks_are_understood():
    assert boxes_of(FIRST, 2) == [[SIDES[0]], [SIDES[0]]]
    assert boxes_of([FIRST, SECOND], 1) == [list(SIDES)]
    assert boxes_of([[FIRST], [], [SECOND, FIRST]], 3) == [[SIDES[0]], [], list(SIDES[::-1])]
    assert boxes_of([], 1) == [[]]
    landmarks = {"frames": [[{"bbox_xyxy": [1, 2, 3, 4], "landmarks_xy": None}], []], "image_size": (9, 9)}
    assert boxes_of(landmarks, 2) == [[(1.0, 2.0, 3.0, 4.0)], []]


def test_segs_of_the_impact_pack_are_boxes_in_a_picture_of_the_size_it_has_now():
    seg = SimpleNamespace(cropped_mask=None, crop_region=[0, 0, 90, 90], bbox=(1, 2, 3, 4), label="face")
    assert boxes_of(((50, 40), [seg, seg]), 2) == [[(1.0, 2.0, 3.0, 4.0)] * 2] * 2
    assert boxes_of(((50, 40), [seg]), 1, (100, 160)) == [[(4.0, 4.0, 12.0, 8.0)]]
    assert boxes_of(((50, 40), []), 1) == [[]]
    assert boxes_of(([FIRST], []), 2) == [[SIDES[0]], []]


def test_boxes_of_other_pictures_and_things_that_are_none_are_refused():
    with pytest.raises(InputError, match="boxes for 2 pictures and 3 pictures"):
        boxes_of([[FIRST], [SECOND]], 3)
    with pytest.raises(InputError, match="has x, y, width and height"):
        boxes_of([{"x": 1}], 1)


def test_faces_are_those_that_boxes_mean_and_a_picture_without_any_is_passed_over(portrait):
    picture, (face,) = to_bhwc(portrait), find_faces(portrait, which="largest")
    left, top, right, bottom = face.box
    drawn = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    found, mask = find_in_pictures([picture, picture], "all", boxes=boxes_of([[drawn], []], 2))
    assert [len(faces) for faces in found] == [1, 0] and mask[0].any() and not mask[1].any()
    assert found[0][0].box == pytest.approx(face.box)
    with pytest.raises(NoFaceError, match="saw no face"):
        find_in_pictures([picture], "all", boxes=[[]])
