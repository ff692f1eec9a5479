"""What a search counts, on people whose faces are angles: two match while they are less than 60 degrees apart."""

from __future__ import annotations

import pytest
from searching import FIGURES, known, outsiders, protected

from faceveil.core.bench.albums import albums_of, as_pairs
from faceveil.core.bench.rows import judged, success
from faceveil.core.bench.search import anybody, linked, ranked, shares, unlike_template
from faceveil.core.bench.search_tables import search_tables

SHOWN = {"a/1": 0, "a/2": 40, "a/3": 70, "b/1": 180, "b/2": 190}
"""a/1 and a/3 do not match each other, all others of a person do."""
MOVED = {"a/1": -30, "a/2": 100, "a/3": 160, "b/1": 180, "b/2": 100}
"""a/1 leaves everybody; a/2 is still like a/3 alone; a/3 is taken for b; b/1 stays; b/2 is nearest to a/3."""


def share_of(figure, rows=None, photos=None, judge="j", copy="plain", far="1e-2"):
    album = albums_of(photos or known(SHOWN))[judge]
    return shares(rows or protected(MOVED), judge, album, {"": figure}, copy, far)[""]


def counts(by_person):
    return dict(by_person.judges[0])


def paired(rows, photos):
    albums = albums_of(photos)
    return [as_pairs(row, albums) for row in rows]


def test_pairs_are_those_that_matched_before():
    """a: 1-2, 2-1, 2-3 and 3-2 did, of which only 2-3 still does; b: 1-2 still does, 2-1 (80 apart) does not."""
    seen = success(judged(paired(protected(MOVED), known(SHOWN))))
    assert counts(seen) == {"a": (3, 4), "b": (1, 2)} and seen.share == pytest.approx(4 / 6)


def test_one_match_is_enough_for_a_search():
    assert counts(share_of(anybody)) == {"a": (2, 3), "b": (1, 2)}


def test_a_match_that_was_not_there_before_counts_as_well():
    """a/1 moves away from a/2 and to a/3, whom it was not like."""
    rows = protected({"a/1": 110})
    assert counts(share_of(anybody, rows)) == {"a": (0, 1)}
    assert counts(success(judged(paired(rows, known(SHOWN))))) == {"a": (1, 1)}


def test_nobody_who_was_not_found_before_can_be_hidden():
    assert counts(share_of(anybody, protected({"a/1": 0}), known({"a/1": 0, "a/2": 90, "b/1": 180}))) == {"a": (0, 0)}


def test_who_is_nearest_among_all_photos_of_all_people():
    """Before: everybody's own. After: a/1 to a/2, a/2 to a/3; a/3 to b/1; b/1 to b/2; b/2 to a/3."""
    assert share_of(ranked(1, protected=False)).share == 1.0
    assert counts(share_of(ranked(1))) == {"a": (2, 3), "b": (1, 2)}


def test_a_photo_is_never_found_by_itself():
    """a/3 lies nearest to its own original, and that is not in the search."""
    assert counts(share_of(ranked(1), protected({"a/3": 126}))) == {"a": (0, 1)}


def test_the_five_nearest_say_something_where_there_are_more():
    """Six others: whose person is last of all is not among the five."""
    six = {f"c/{index}": 100 + index for index in range(5)} | {"a/1": 0, "a/2": 10}
    assert counts(share_of(ranked(5), protected({"a/1": 0}), known(six))) == {"a": (1, 1)}
    assert counts(share_of(ranked(5), protected({"a/1": 140}), known(six))) == {"a": (0, 1)}
    assert str(share_of(ranked(5))) == "-", "four others are always all among five"


def test_the_mean_of_several_photos_as_template():
    """Of a/1's others it lies at 55, of a/2's at 35, of a/3's at 20: the first two matched, a/3 (50 away) as well.

    Protected: 85, 65 and 140 away. Of b: 0 and 80."""
    assert counts(share_of(unlike_template)) == {"a": (3, 3), "b": (1, 2)}


def test_protected_photos_of_one_person_may_find_each_other():
    """All of them moved by 90 degrees: unlike whatever they were, and as like each other as ever."""
    rows = protected({name: angle + 90 for name, angle in SHOWN.items()})
    assert share_of(linked(False, False), rows).share == share_of(linked(True, True), rows).share == 1.0
    assert share_of(linked(True, False), rows).share == share_of(linked(False, True), rows).share == 0.2
    apart = protected({"b/1": 90, "b/2": 270})
    assert share_of(linked(True, True), apart).share == 0.0


def test_templates_are_of_photos_that_were_protected_in_the_same_way():
    """With another family left out the two never meet; alone, nobody can be compared with anybody."""
    rows = [*protected({"b/1": 0}), *protected({"b/2": 0}, held_out="g")]
    assert str(share_of(linked(True, True), rows)) == "-"


def test_whoever_took_part_does_not_judge():
    assert str(share_of(anybody, protected(MOVED, role="surrogate"))) == "-"


def test_without_a_threshold_at_that_rate_nothing_is_said():
    assert str(share_of(anybody, far="1e-3")) == "-"


def test_a_posted_copy_is_judged_by_itself():
    rows = protected(MOVED, posted=SHOWN)
    assert share_of(anybody, rows, copy="jpeg75").share == 0.0
    assert share_of(ranked(1), rows, copy="jpeg75").share == 1.0


def test_a_judge_of_ones_own_counts_the_same_but_makes_no_templates():
    photos, rows = outsiders(SHOWN, MOVED)
    assert counts(share_of(anybody, rows, photos, "service")) == {"a": (2, 3), "b": (1, 2)}
    assert counts(share_of(ranked(1), rows, photos, "service")) == {"a": (2, 3), "b": (1, 2)}
    assert counts(success(judged(paired(rows, photos)))) == {"a": (3, 4), "b": (1, 2)}
    assert str(share_of(unlike_template, rows, photos, "service")) == "-"
    assert str(share_of(linked(True, True), rows, photos, "service")) == "-"


def test_a_photo_that_came_after_a_judge_of_ones_own_was_asked_is_left_out():
    photos, rows = outsiders(SHOWN, MOVED)
    for row in rows:
        for alike in row["outside"][0]["alike"].values():
            alike.pop("a/3", None)
    assert counts(share_of(anybody, rows, photos, "service"))["a"] == (3, 3)


def test_tables_name_the_hardest_judge_and_count_people_photos_and_pairs():
    """A second judge, to whom every photo looks as it did."""
    rows, photos = protected(MOVED), known(SHOWN)
    for row, other in zip(rows, protected(SHOWN, judge="k"), strict=True):
        row["recognisers"] += other["recognisers"]
    photos = [*photos, *known(SHOWN, "k")]
    text = search_tables(rows, paired(rows, photos), albums_of(photos), "1e-2")
    lines = text.splitlines()
    assert "5 photos of 2 people" in text and "## Search: no longer matched, after JPEG 75" in lines
    assert "| method | judge | people | photos | pairs | any | template |" in lines
    mine = next(line for line in lines if line.startswith("| m | j |")).split(" | ")
    assert mine[2:4] == ["2", "5"] and mine[4].startswith("0.67 (") and mine[4].endswith("of 6")
    assert "| m | **hardest judge** |  |  | 0.00, k | 0.00, k | 0.00, k |" in lines
    assert any(line.startswith("| m | **mean of judges** |  |  | 0.33 (") for line in lines)
    assert any(line.startswith("| m | **hardest judge** |  |  | 1.00, ") for line in lines), "the highest rank"
    assert "| method | photos | psnr | paint | landmark shift |" in lines and FIGURES["quality"]["paint"] == 0.3
