"""Small faces are told of in one sentence, and large ones in none."""

from __future__ import annotations

from faceveil.core.verdict.small import SMALL, small_faces

LARGE, SMALLER, LARGER = (0.0, 0.0, 300.0, 400.0), (10.0, 10.0, 50.0, 70.0), (0.0, 0.0, 60.0, 52.0)


def test_a_small_face_is_told_of_with_its_shorter_side_and_a_large_one_is_not():
    (said,) = small_faces({0: LARGE, 1: SMALLER}, " of picture 2")
    assert said.startswith("face 1 of picture 2 is only 40 px wide") and "larger one" in said
    assert small_faces({0: LARGE, 1: (0.0, 0.0, SMALL, SMALL)}) == []


def test_several_of_them_are_one_sentence():
    (said,) = small_faces({0: SMALLER, 1: LARGE, 2: LARGER, 5: SMALLER})
    assert said.startswith("faces 0, 2 and 5 are only 40 and 52 px wide")
