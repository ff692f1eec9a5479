"""Copies of one person that give each other away, and what is said of it."""

from __future__ import annotations

import pytest
import torch

from faceveil.core.images import read_photo, to_bchw
from faceveil.core.recognisers.catalogue import load_recogniser
from faceveil.core.verdict.linked import in_words, linked
from faceveil.core.verdict.verify import Witness


@pytest.fixture(scope="module")
def dlib():
    return load_recogniser("dlib")


def picture(path) -> torch.Tensor:
    return to_bchw(read_photo(path).pixels)


def test_photos_of_one_person_are_linked_and_others_are_not(examples, dlib):
    first, second, other = (
        picture(examples / f"{n}") for n in ("person-first.jpg", "person-second.jpg", "portrait.png")
    )
    nobody = torch.full((1, 3, 200, 200), 0.5)
    assert linked(first, [second, other, nobody], [Witness(dlib)]) == [["dlib"], [], []]
    assert linked(nobody, [second], [Witness(dlib)]) == [[]]


def test_without_a_threshold_nobody_links_anything(examples, dlib):
    first = picture(examples / "person-first.jpg")
    assert linked(first, [first], [Witness(dlib)], far="1e-1") == [[]]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([[]], "from the copy made before: nobody asked matches them"),
        ([["a"]], "from the copy made before, and yet it matches this one (a)."),
        ([["a"], []], "from 2 copies made before, and yet 1 of them matches this one (a)."),
        ([[], []], "from 2 copies made before: nobody asked"),
        ([["a"], [], ["b", "a"]], "from 3 copies made before, and yet 2 of them match this one (a, b)."),
    ],
)
def test_it_is_told_in_one_sentence(found, said):
    assert said in in_words(found)
