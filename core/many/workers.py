"""Handing out work: what a group of workers offers, and the one loop that keeps them busy."""

from __future__ import annotations

import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Generic, Protocol, TypeVar

from ..devices import is_want_of_memory
from ..errors import FaceVeilError, ModelError

Item = TypeVar("Item")
Work = Callable[[Any], object]
Setup = Callable[[], Work]
"""Called once in each worker, where models are loaded; it has to fit through a pickle."""

PATIENCE = 3
"""A worker that dies so often before it is ready would die for ever."""


class Unexpected(Exception):
    """A bug of ours in a worker, with the traceback that it had there as its text."""


@dataclass(frozen=True)
class Reply:
    """What came of one item. Without a worker that lived to answer, `lost` says what became of it."""

    value: object = None
    error: FaceVeilError | Unexpected | None = None
    lost: str | None = None
    seconds: float = 0.0


class Workers(Protocol):
    """Somebody who does items, each in a place where models are loaded already."""

    def free(self) -> int:
        """How many more items can be started now."""

    def submit(self, ticket: int, item: object) -> None:
        """Start an item; only while somebody is free."""

    def wait(self) -> list[tuple[int, Reply]]:
        """Sleep until something is done or somebody has become free; what is done, by ticket."""

    def close(self) -> None:
        """Let everybody go; what is not done is not waited for."""


@dataclass(frozen=True)
class Finished(Generic[Item]):
    """An item with its result, or with the reason why there is none."""

    item: Item
    tries: int
    seconds: float
    value: object = None
    error: FaceVeilError | Unexpected | None = None


def attempt(work: Work, item: object) -> Reply:
    """Do one item, wherever a worker lives. Want of memory passes and is tried again; all other errors would not."""
    started = time.perf_counter()
    try:
        reply = Reply(work(item))
    except FaceVeilError as known:
        reply = Reply(error=known)
    except Exception as other:
        if is_want_of_memory(other):
            reply = Reply(lost="There was not enough memory")
        else:
            reply = Reply(error=Unexpected(traceback.format_exc()))
    return replace(reply, seconds=time.perf_counter() - started)


def dispatch(
    workers: Workers, items: Iterable[Item], retries: int = 2, on_start: Callable[[Item], None] = lambda item: None
) -> Iterator[Finished[Item]]:
    """Every item once, in the order in which they finish, and never more of them under way than there are workers.

    An item whose worker was lost is tried again `retries` times after all others, so that one that takes its worker
    along does so when nothing else suffers.
    """
    fresh, again = ((item, 1) for item in items), deque[tuple[Item, int]]()
    running: dict[int, tuple[Item, int]] = {}
    tickets = count()
    following = next(fresh, None)
    while following or again or running:
        while workers.free() and (following or again):
            item, tries = following or again.popleft()
            following = following and next(fresh, None)
            on_start(item)
            ticket = next(tickets)
            running[ticket] = item, tries
            workers.submit(ticket, item)
        for ticket, reply in workers.wait():
            item, tries = running.pop(ticket)
            if reply.lost is None:
                yield Finished(item, tries, reply.seconds, reply.value, reply.error)
            elif tries <= retries:
                again.append((item, tries + 1))
            else:
                error = ModelError(f"{reply.lost}, {tries} times: try it alone, with fewer jobs, or a smaller copy.")
                yield Finished(item, tries, reply.seconds, error=error)


class Here:
    """The process itself as the only worker: no second copy of the models, and nothing to be pickled."""

    def __init__(self, setup: Setup) -> None:
        self._work = setup()
        self._waiting: list[tuple[int, object]] = []

    def free(self) -> int:
        return 1 - len(self._waiting)

    def submit(self, ticket: int, item: object) -> None:
        self._waiting.append((ticket, item))

    def wait(self) -> list[tuple[int, Reply]]:
        ticket, item = self._waiting.pop()
        return [(ticket, attempt(self._work, item))]

    def close(self) -> None:
        self._waiting.clear()
