"""What is said of a veil: its curve as a table and a picture, and how it does on photos it was not learned from."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from faceveil.core.errors import InputError, OutputError
from faceveil.core.faces.face import Face
from faceveil.core.images import read_photo
from faceveil.core.verdict import veils
from faceveil.core.verdict.curve import draw_curve, write_curve
from faceveil.core.verdict.facts import FaceVerdict, Quality, RecogniserVerdict
from faceveil.core.verdict.report import Report
from faceveil.core.verdict.veils import Point, in_words, left_out, table, trade_off

LOOKS = Quality(30, 0.9, None, None, 0.1, 0.5, 0.0)


def row(name="dlib", after=0.4, half=0.0, threshold=0.5, before=0.9):
    """Whoever is above the threshold as the picture is, or made smaller, still matches."""
    limit = 2.0 if threshold is None else threshold
    matched = before > limit, max(after, half) > limit
    return RecogniserVerdict(name, name, "judge", "1e-2", threshold, before, after, 0.0, 0.0, half, *matched)


def face(*rows, **looks):
    return FaceVerdict((0, 0, 9, 9), rows, replace(LOOKS, **looks))


def curve(*afters, **more):
    """A point a quarter of the veil."""
    return [
        Point(0.25 * place, face(row(after=after, **more), paint=0.1 * place)) for place, after in enumerate(afters)
    ]


def test_the_table_marks_who_matches_and_says_how_much_is_enough():
    head, *lines, last = table(curve(0.9, 0.6, 0.49, 0.3))
    assert head.split() == ["amount", "dlib", "paint", "shape"]
    assert [line.split()[:3] for line in lines] == [
        ["0.00", "0.900*", "0.00"],
        ["0.25", "0.600*", "0.10"],
        ["0.50", "0.490", "0.20"],
        ["0.75", "0.300", "0.30"],
    ]
    assert last == "* above the threshold (dlib 0.500); the least amount here at which nobody matches: 0.50."
    assert table(curve(0.9, 0.6))[-1].endswith("nobody escapes.")


def test_a_copy_that_still_matches_counts_and_a_recogniser_without_threshold_does_not():
    assert "0.700*" in table(curve(0.2, half=0.7))[1]
    uncalibrated = Point(1.0, face(row("odd", 0.99, threshold=None), row()))
    assert table([uncalibrated])[1].split() == ["1.00", "0.990", "0.400", "0.00", "0.000"]
    assert "odd" not in table([uncalibrated])[-1]


def test_the_curve_is_drawn_where_its_values_are():
    """A similarity of 1 lies at the top of the left panel, one of 0 at its bottom, and the threshold between them."""
    picture = draw_curve(curve(1.0, 0.5, 0.0, threshold=0.25))
    blue = (38, 98, 160)
    at = {round(x): y for x, y in ((56, 56), (56 + 240, 216), (56 + 480, 376))}
    assert all(picture.getpixel((x, y)) == blue for x, y in at.items())
    assert blue in {picture.getpixel((x, 296)) for x in range(60, 100)}, "the threshold is dotted at .25"
    assert picture.getpixel((56, 200)) != blue


def test_paint_beyond_the_axis_makes_the_axis_longer():
    """Paint is drawn in the first colour and tint in the second, both at the right end of the right panel."""
    blue, red, end = (38, 98, 160), (190, 60, 50), 1072
    low, high = (draw_curve([Point(1.0, face(row(), paint=paint, tint=tint))]) for paint, tint in ((0.5, 1), (4, 1)))
    assert (low.getpixel((end, 216)), low.getpixel((end, 56))) == (blue, red)
    assert (high.getpixel((end, 56)), high.getpixel((end, 296))) == (blue, red)


def test_a_curve_is_written_and_never_over_a_photo(tmp_path):
    write_curve(curve(0.9, 0.4), tmp_path / "curve.png")
    assert read_photo(tmp_path / "curve.png").pixels.shape == (1, 432, 1128, 3)
    with pytest.raises(OutputError):
        write_curve(curve(0.9, 0.4), tmp_path / "curve.png", sources=[tmp_path / "curve.png"])


def test_every_amount_is_judged_on_the_picture_that_it_makes(monkeypatch):
    """A veil that makes the picture brighter by its amount, and a verdict that is the brightness."""
    shown, told = [], []

    def judge(before, after, witnesses, gallery, faces, far, attacks):
        shown.append((round(float(after.mean() - before.mean()), 2), far, attacks))
        return Report([face(row())])

    monkeypatch.setattr(veils, "verify", judge)
    brighter = SimpleNamespace(apply=lambda picture, faces, amount: picture + 0.2 * amount)
    someone = Face((10, 10, 40, 40), torch.full((5, 2), 20.0), 1.0)
    picture = torch.full((1, 3, 64, 64), 0.2)
    points = trade_off(
        picture, someone, brighter, [], far="1e-3", amounts=(0, 1, 2), on_step=lambda *step: told.append(step)
    )
    assert [point.amount for point in points] == [0, 1, 2] and told == [(1, 3), (2, 3), (3, 3)]
    assert shown == [(0.0, "1e-3", ()), (0.2, "1e-3", ()), (0.4, "1e-3", ())]


@pytest.mark.parametrize(("folds", "learned"), [(2, [[1, 3], [0, 2, 4]]), (5, None)])
def test_no_photo_is_judged_under_a_veil_that_has_seen_it(monkeypatch, folds, learned):
    photos, seen, judged = [(f"photo {index}", index) for index in range(5)], [], []

    def judge(picture, number, veil, amount, witnesses, others, far):
        judged.append(number)
        assert amount == 1.0 and number not in veil and others == [other for other, at in photos if at != number]
        return number

    def learn(kept):
        seen.append([number for _, number in kept])
        return seen[-1]

    monkeypatch.setattr(veils, "_judged", judge)
    assert left_out(photos, folds, learn, []) == list(range(5)) and sorted(judged) == list(range(5))
    assert learned is None or seen == learned
    assert len(seen) == folds


@pytest.mark.parametrize("folds", [0, 1, 6])
def test_folds_that_cannot_be_made_are_refused_before_anything_is_learned(folds):
    with pytest.raises(InputError, match="at most as many as there are photos, 5"):
        left_out([("photo", 0)] * 5, folds, lambda kept: pytest.fail("learned"), [])


def test_whoever_was_not_matched_before_does_not_count():
    reports = [
        Report([face(row(after=0.4), row("sface", before=0.2), paint=0.2)]),
        Report([face(row(after=0.7), row("sface"), paint=0.4)]),
    ]
    assert in_words(reports) == [
        "left-out photos that dlib no longer matches: 1 of 2",
        "left-out photos that sface no longer matches: 1 of 1",
        "looks on left-out photos: paint 0.30, shape 0.000",
    ]
