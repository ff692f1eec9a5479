"""Workers that do what an item says, for tests of those who hand items out; importable by other processes."""

from __future__ import annotations

import os
import signal
import time
from contextlib import closing, suppress
from dataclasses import dataclass

from faceveil.core.errors import InputError, ModelError
from faceveil.core.many.workers import dispatch


@dataclass(frozen=True)
class Does:
    """A worker that does what an item says."""

    def __call__(self):
        return self.do

    def do(self, item):
        what, *rest = item
        if what == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "starve":
            raise MemoryError
        if what == "refuse":
            raise InputError("No.")
        if what == "count":
            end = time.process_time() + rest[0]
            while time.process_time() < end:
                pass
        if what == "hang":
            with suppress(BaseException):  # as a library would that never comes back
                signal.signal(signal.SIGALRM, signal.SIG_IGN)
                time.sleep(60)
        if what == "divide":
            return 1 / rest[0]
        return (what, os.getpid(), *rest)


class Stillborn:
    def __call__(self):
        os.kill(os.getpid(), signal.SIGKILL)


class Hopeless:
    def __call__(self):
        raise ModelError("There are no weights.")


@dataclass(frozen=True)
class Tells:
    def __call__(self):
        return lambda name: (sorted(os.sched_getaffinity(0)), os.environ.get(name))


def done(workers, items, **more):
    """Everything that came of the items, by item."""
    with closing(workers):
        return {ended.item: ended for ended in dispatch(workers, items, **more)}
