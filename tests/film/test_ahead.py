"""Work in a thread of its own: the same items, the same error, and nothing goes on when nobody asks any more."""

from __future__ import annotations

import threading

import pytest

from faceveil.core.errors import InputError
from faceveil.core.film.ahead import ahead


def test_items_come_in_their_order_and_from_another_thread():
    assert [index for index, _ in ahead((i, None) for i in range(50))] == list(range(50))
    assert next(ahead(threading.current_thread() for _ in range(2))) is not threading.current_thread()


def test_an_error_is_raised_where_somebody_can_do_something():
    def fails():
        yield 1
        raise InputError("broken")

    items = ahead(fails())
    assert next(items) == 1
    with pytest.raises(InputError, match="broken"):
        next(items)


def test_whoever_stops_closes_what_is_open():
    closed, before = [], threading.active_count()

    def endless():
        try:
            while True:
                yield 1
        finally:
            closed.append(True)

    items = ahead(ahead(endless()))
    assert next(items) == 1
    items.close()
    assert closed == [True] and threading.active_count() == before
