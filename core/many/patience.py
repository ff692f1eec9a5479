"""A time limit for one photo: in a folder of a hundred thousand one never ends, and must not hold up the rest."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ..errors import InputError

GRACE = 1.5
"""A worker that does not stop at its limit by itself is killed after so many times the limit."""


class _Alarm(BaseException):
    """A BaseException, so that code which catches every `Exception` does not swallow it."""


def too_long(seconds: float) -> InputError:
    return InputError(f"It took longer than {seconds:g} s: try a smaller copy alone, or allow more with --time-limit.")


@contextmanager
def limited(seconds: float | None) -> Iterator[None]:
    """Ends the block when it takes longer, where the system has alarms. Python handles them between two of its steps:
    what is stuck inside a library is only ended by `Processes`."""
    if not seconds or not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise _Alarm

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)  # until this has returned it may still ring
    except _Alarm:
        raise too_long(seconds) from None
    finally:
        signal.signal(signal.SIGALRM, before)
