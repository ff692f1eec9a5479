"""How often a service is asked: not too often, not too quickly, and again where that may help."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ..errors import ServiceError
from .service import Answer, Busy

CALLS = 50
"""Calls that are allowed unless somebody says otherwise: a face takes five, and a few more for a gallery."""
TRIES = 4
FIRST = 1.0
"""Seconds before the second try; each further one waits twice as long, more or less by chance."""
LONGEST = 60.0
"""The longest wait before a try, in seconds; a service that asks for more is not tried again."""


@dataclass
class Budget:
    """How many calls may be made, by all services that share it."""

    calls: int = CALLS
    made: int = 0

    def spend(self) -> None:
        if self.made >= self.calls:
            raise ServiceError(
                f"No more than {self.calls} calls to services were allowed, and all are made. What was answered is "
                "remembered: allow more and run it again, and only the rest is asked."
            )
        self.made += 1


@dataclass
class Patience:
    """When to ask again. Clock, sleep and randomness are handed in, so that a test need not wait."""

    budget: Budget = field(default_factory=Budget)
    pause: float = 0.0
    on_call: Callable[[], None] = lambda: None
    """Called before every call, and may raise: somebody wants to stop."""
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    chance: random.Random = field(default_factory=random.Random)
    last: float = float("-inf")

    def ask(self, call: Callable[[], Answer]) -> Answer:
        """The answer, tried again where the service was `Busy` and nowhere else."""
        for attempt in range(TRIES):
            self._wait(self.last + self.pause - self.clock())
            self.on_call()
            self.budget.spend()
            self.last = self.clock()
            try:
                return call()
            except Busy as busy:
                wait = max(busy.after, FIRST * 2**attempt * self.chance.uniform(0.5, 1.5))
                if attempt == TRIES - 1 or wait > LONGEST:
                    tries = f"It was asked {attempt + 1} times" if attempt else "It asks to be left alone for longer"
                    raise ServiceError(f"{busy} {tries}: try again later.") from busy
                self._wait(wait)
        raise AssertionError("the last attempt ends in an answer or an error")

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            self.sleep(seconds)
