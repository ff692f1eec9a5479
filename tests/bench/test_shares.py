"""Intervals by person, against what can be worked out on paper."""

from __future__ import annotations

import pytest

from faceveil.core.bench.shares import ByPerson, Rate, together


def people(shown):
    return ByPerson(({f"p{index}": counts for index, counts in enumerate(shown)},))


def test_one_photo_each_gives_the_interval_of_a_binomial():
    """50 of 100: drawn anew, the share is binomial / 100, of which 95 % lie from .40 to .60."""
    share = people([(index % 2, 1) for index in range(100)])
    assert share.share == 0.5 and share.of == 100
    assert share.interval == pytest.approx((0.40, 0.60), abs=0.011)


def test_many_photos_of_few_people_say_no_more_than_few_people():
    """Two people, one always and one never found: a quarter of all draws are twice the same one."""
    assert people([(50, 50), (0, 50)]).interval == (0.0, 1.0)
    low, high = people([(50 * (index % 2), 50) for index in range(10)]).interval
    narrow = Rate(250, 500).interval
    assert (low, high) == pytest.approx((0.2, 0.8), abs=0.01) and high - low > 6 * (narrow[1] - narrow[0])


def test_people_who_have_more_photos_weigh_more():
    assert people([(3, 3), (0, 1)]).share == 0.75


def test_the_same_rows_give_the_same_interval():
    shown = [(1, 3), (2, 2), (0, 4), (1, 1)]
    assert people(shown).interval == people(shown).interval


def test_the_mean_of_judges_is_a_mean_of_shares_and_draws_the_same_people_for_all():
    """Two judges who contradict each other on every person: whoever is drawn, their mean is a half."""
    one, other = people([(1, 1), (0, 1), (1, 1)]), people([(0, 1), (1, 1), (0, 1)])
    both = together([one, other])
    assert both.share == pytest.approx(0.5) and both.interval == pytest.approx((0.5, 0.5))
    assert together([people([(1, 2)]), people([(30, 30)])]).share == pytest.approx(0.75)


def test_whoever_counted_nothing_takes_nothing_from_the_mean():
    nobody = people([(0, 0), (0, 0)])
    assert together([people([(1, 1), (0, 1)]), nobody]).share == 0.5
    assert str(nobody) == str(together([])) == str(ByPerson(({},))) == "-" and nobody.interval == (0.0, 1.0)
