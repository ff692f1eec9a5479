"""Workers that are processes of this machine, each with its share of the cores or a graphics card of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait

from ..errors import FaceVeilError, ModelError
from .patience import GRACE, too_long
from .workers import PATIENCE, Reply, Setup, Unexpected, attempt


@dataclass(frozen=True)
class Seat:
    """What one worker may use."""

    cores: tuple[int, ...] = ()
    """Empty where the system cannot pin a process."""
    gpu: str | None = None

    def take(self) -> None:
        """Keep this process to its seat: networks whose threads share cores slow each other down."""
        if self.cores:
            os.sched_setaffinity(0, self.cores)
        threads = max(len(self.cores), 1)
        os.environ["OMP_NUM_THREADS"] = str(threads)
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(threads)
        if self.gpu is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = self.gpu


def seats(jobs: int, gpus: int = 0) -> list[Seat]:
    """Cores (and graphics cards, where `gpus` are to be used) dealt out to so many workers."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    share = max(len(cores) // jobs, 1)
    named = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    cards = named or [str(index) for index in range(gpus)]
    return [
        Seat(
            tuple(cores[(worker * share + i) % len(cores)] for i in range(share)) if cores else (),
            cards[worker % len(cards)] if gpus else None,
        )
        for worker in range(jobs)
    ]


class _Desk:
    """A process, the line to it, and what it is doing."""

    def __init__(self, setup: Setup, seat: Seat) -> None:
        context = multiprocessing.get_context("spawn")
        self.seat = seat
        self.line, far_end = context.Pipe()
        self.process = context.Process(target=_serve, args=(far_end, setup, seat), daemon=True)
        self.process.start()
        far_end.close()  # ours is then the only other end, and a death is the end of the line
        self.ready = False
        self.ticket: int | None = None
        self.since = 0.0
        """When it was given its ticket."""


class Processes:
    """One process a seat; one that dies is replaced, and so is one that does not come back from an item."""

    def __init__(self, setup: Setup, seats: Sequence[Seat], time_limit: float | None = None) -> None:
        self._setup = setup
        self._time_limit = time_limit
        self._deaths_before_work = 0
        self._desks = [_Desk(setup, seat) for seat in seats]

    def free(self) -> int:
        return sum(desk.ready and desk.ticket is None for desk in self._desks)

    def submit(self, ticket: int, item: object) -> None:
        desk = next(desk for desk in self._desks if desk.ready and desk.ticket is None)
        desk.ticket, desk.since = ticket, time.monotonic()
        with suppress(BrokenPipeError, ConnectionResetError):  # it has just died, which `wait` finds out
            desk.line.send((ticket, item))

    def wait(self) -> list[tuple[int, Reply]]:
        readable = wait([desk.line for desk in self._desks], self._until_overdue())
        if not readable and self._time_limit:
            limit = self._time_limit
            late = [desk for desk in self._desks if self._overdue(desk, limit)]
            return [reply for desk in late for reply in self._give_up(desk, limit)]
        return [reply for desk in list(self._desks) if desk.line in readable for reply in self._hear(desk)]

    def _until_overdue(self) -> float | None:
        """Seconds until somebody should have been back long ago; None without a limit."""
        busy = [desk.since for desk in self._desks if desk.ticket is not None]
        if not (self._time_limit and busy):
            return None
        return max(min(busy) + GRACE * self._time_limit - time.monotonic(), 0)

    def _overdue(self, desk: _Desk, limit: float) -> bool:
        return desk.ticket is not None and time.monotonic() - desk.since >= GRACE * limit

    def _give_up(self, desk: _Desk, limit: float) -> list[tuple[int, Reply]]:
        """Not lost: another try would take as long."""
        desk.process.kill()
        return [
            (ticket, Reply(error=too_long(limit), seconds=time.monotonic() - desk.since))
            for ticket, _ in self._replace(desk)
        ]

    def _hear(self, desk: _Desk) -> list[tuple[int, Reply]]:
        try:
            message = desk.line.recv()
        except (EOFError, OSError):
            return self._replace(desk)
        if isinstance(message, Exception):
            raise message
        if not desk.ready:
            desk.ready, self._deaths_before_work = True, 0
            return []
        desk.ticket = None
        return [message]

    def _replace(self, desk: _Desk) -> list[tuple[int, Reply]]:
        desk.process.join()
        desk.line.close()
        code = desk.process.exitcode
        if not desk.ready:
            self._deaths_before_work += 1
            if self._deaths_before_work == PATIENCE:
                raise ModelError(
                    f"Workers die while they load their models (exit code {code}), most likely for want of memory. "
                    "What was done is kept: run the same command again, with fewer --jobs."
                )
        self._desks[self._desks.index(desk)] = _Desk(self._setup, desk.seat)
        if desk.ticket is None:
            return []
        return [(desk.ticket, Reply(lost=f"The worker process died (exit code {code})"))]

    def close(self) -> None:
        for desk in self._desks:
            if desk.ticket is not None or not desk.ready:
                desk.process.kill()
            desk.line.close()
        for desk in self._desks:
            desk.process.join()


def _serve(line: Connection, setup: Setup, seat: Seat) -> None:
    """A worker's life."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches everybody; whoever started this one ends it
    threading.Thread(target=_die_with_parent, daemon=True).start()
    seat.take()
    try:
        work = setup()
    except FaceVeilError as error:
        line.send(error)
        return
    except Exception:
        line.send(Unexpected(traceback.format_exc()))
        return
    line.send(None)
    with suppress(EOFError):
        while True:
            ticket, item = line.recv()
            line.send((ticket, attempt(work, item)))


def _die_with_parent() -> None:
    """At once, in the middle of a photo: a new run may be under way already, perhaps with other settings."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
    os._exit(1)
