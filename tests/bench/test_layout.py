"""The layout of a folder decides what is asked; what cannot be asked is one sentence."""

from __future__ import annotations

import pytest

from faceveil.core.bench.layout import people_in, person_of
from faceveil.core.errors import InputError


@pytest.fixture
def lay(tmp_path):
    """Files by name; which are photos goes by their names here."""

    def laid(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path

    return laid


def test_people_with_several_photos_are_a_search_and_everybody_comes_in_turn(lay):
    folder = lay("ann/1.jpg", "ann/2.png", "ann/3.jpg", "bob/x.jpg", "bob/y.jpg", "notes.txt", ".hidden/1.jpg")
    photos = people_in(folder)
    assert list(photos) == ["ann/1", "bob/x", "ann/2", "bob/y", "ann/3"]
    assert photos["ann/2"] == folder / "ann" / "2.png" and person_of("ann/2") == "ann"


@pytest.mark.parametrize("sides", [("a/1", "b/1"), ("train/train_1", "test/test_1"), ("train_align/1", "test_align/1")])
def test_two_sides_are_pairs_whatever_single_photos_lie_beside_them(lay, sides):
    assert people_in(lay(*(f"{name}.jpg" for name in sides), "decoy/one.png")) is None


def test_people_called_a_and_b_are_a_search_when_there_are_more(lay):
    names = [f"{person}/{number}.jpg" for person in "abc" for number in (1, 2)]
    assert len(people_in(lay(*names))) == 6


def test_results_that_lie_among_the_photos_are_nobody(lay):
    folder = lay("ann/1.jpg", "ann/2.jpg", "bob/1.jpg", "bob/2.jpg", "out/rows.jsonl", "out/results.png", "empty/x.txt")
    assert {person_of(name) for name in people_in(folder)} == {"ann", "bob"}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["ann/1.jpg", "ann/2.jpg"], r"shows one person only \(ann\): a search needs two at least"),
        (["ann/1.jpg", "ann/2.jpg", "bob/1.jpg", "eve/1.jpg"], "there is one of bob, eve in"),
        (["ann/1.jpg", "ann/1.png", "bob/1.jpg", "bob/2.jpg"], "1.jpg and 1.png .* would both be called ann/1"),
        (["1.jpg", "2.jpg"], "a folder for each person .* or two folders, a and b"),
    ],
)
def test_layouts_that_say_nothing_are_explained(lay, names, message):
    with pytest.raises(InputError, match=message):
        people_in(lay(*names))


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="missing is no folder"):
        people_in(tmp_path / "missing")
