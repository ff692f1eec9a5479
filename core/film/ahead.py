"""Work for two cores: what comes next is made in a thread of its own while this one works on what is there."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")
_WAITING = 2
"""Frames that wait at most: more would only take memory."""
_BLINK = 0.1
"""Seconds after which whoever waits for a place looks whether it is still wanted."""


def ahead(items: Generator[T]) -> Iterator[T]:
    """The same items, and the same error; whoever stops in the middle closes `items`. Decoders, encoders and torch all
    let other threads work meanwhile."""
    ready: Queue[tuple[bool, T | BaseException | None]] = Queue(_WAITING)
    unwanted = Event()

    def put(more: bool, what: T | BaseException | None) -> bool:
        while not unwanted.is_set():
            try:
                ready.put((more, what), timeout=_BLINK)
                return True
            except Full:
                continue
        return False

    def work() -> None:
        try:
            for item in items:
                if not put(True, item):
                    return
        except BaseException as error:  # it is raised again where somebody can do something about it
            put(False, error)
        else:
            put(False, None)
        finally:
            items.close()

    worker = Thread(target=work, daemon=True)
    worker.start()
    try:
        more, what = ready.get()
        while more:
            yield what
            more, what = ready.get()
        if what is not None:
            raise what
    finally:
        unwanted.set()
        with_nothing_left(ready)
        worker.join()


def with_nothing_left(queue: Queue) -> None:
    """Frames that nobody will see are let go."""
    try:
        while True:
            queue.get_nowait()
    except Empty:
        pass
