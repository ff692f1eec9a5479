"""A generator that runs ahead in a thread of its own: the next items are made while the present one is worked on."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_WAITING = 2
"""Frames that wait at most: more would only take memory."""
_BLINK = 0.1
"""Seconds after which a thread that waits for a place looks whether it is still wanted."""


@dataclass(frozen=True)
class _Item(Generic[T]):
    item: T


@dataclass(frozen=True)
class _End:
    error: BaseException | None = None


def ahead(items: Generator[T]) -> Generator[T]:
    """The same items, and the same error. Whoever stops in the middle closes `items`. Decoders, encoders and torch
    release Python's lock while they work."""
    ready: Queue[_Item[T] | _End] = Queue(_WAITING)
    unwanted = Event()

    def put(what: _Item[T] | _End) -> bool:
        while not unwanted.is_set():
            try:
                ready.put(what, timeout=_BLINK)
                return True
            except Full:
                continue
        return False

    def work() -> None:
        try:
            for item in items:
                if not put(_Item(item)):
                    return
        except BaseException as error:  # it is raised again where somebody can do something about it
            put(_End(error))
        else:
            put(_End())
        finally:
            items.close()

    worker = Thread(target=work, daemon=True)
    worker.start()
    try:
        while isinstance(what := ready.get(), _Item):
            yield what.item
        if what.error is not None:
            raise what.error
    finally:
        unwanted.set()
        _drain(ready)
        worker.join()


def _drain(queue: Queue[Any]) -> None:
    """Empty a queue, so that nothing waits for a place in it."""
    try:
        while True:
            queue.get_nowait()
    except Empty:
        pass
