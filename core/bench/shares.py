"""Shares with their intervals: of photos that know nothing of each other, and of people with several photos each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isnan, sqrt

import numpy as np

SEED, DRAWS = 0, 2000
"""Of the bootstrap: the same rows give the same interval, and its ends are steady in the second digit."""

Counts = Mapping[str, tuple[int, int]]
"""Hits, and of how many, by person."""


@dataclass(frozen=True)
class Rate:
    """A share with its 95 % interval (Wilson)."""

    hits: int
    of: int

    @property
    def share(self) -> float:
        return self.hits / self.of if self.of else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        if not self.of:
            return 0.0, 1.0
        z, n, p = 1.96, self.of, self.share
        middle, spread = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        low, high = ((middle + side * spread) / (1 + z * z / n) for side in (-1, 1))
        # Rounding leads past the share itself where all or none were hits, and past what a share can be.
        return max(0.0, min(low, p)), min(1.0, max(high, p))

    def __str__(self) -> str:
        return _with_interval(self.share, self.interval)


@dataclass(frozen=True)
class ByPerson:
    """A share with its 95 % interval where photos come by the person; with several judges, the mean of their shares.

    Photos of one person fare alike, so whole people are drawn anew, for all judges the same ones (cluster bootstrap).
    Whom nothing was counted of is drawn as well: another search might have met as many of them.
    """

    judges: tuple[Counts, ...]

    @property
    def of(self) -> int:
        """How many were counted; of several judges, by all of them."""
        return int(self._counts[1].sum())

    @property
    def share(self) -> float:
        return float(_mean_shares(self._counts.sum(-1, keepdims=True))[0])

    @cached_property
    def interval(self) -> tuple[float, float]:
        if not self.of:
            return 0.0, 1.0
        drawn = redrawn(self._counts.shape[-1])
        return around(self.share, _mean_shares(self._counts @ drawn.T))

    @cached_property
    def _counts(self) -> np.ndarray:
        """Hits, and of how many: (2, judges, people)."""
        people = sorted({person for counts in self.judges for person in counts})
        known = [[counts.get(person, (0, 0)) for person in people] for counts in self.judges]
        return np.array(known, dtype=float).reshape(len(self.judges), len(people), 2).transpose(2, 0, 1)

    def __str__(self) -> str:
        return _with_interval(self.share, self.interval)


def together(shares: Iterable[ByPerson]) -> ByPerson:
    """The mean over judges; those who counted nothing take nothing from it."""
    return ByPerson(tuple(counts for share in shares for counts in share.judges))


def redrawn(people: int) -> np.ndarray:
    """How often each person is drawn in each of the bootstrap's draws (draws, people)."""
    return np.random.default_rng(SEED).multinomial(people, np.full(people, 1 / people), DRAWS)


def around(value: float, drawn: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of what the draws give, widened to hold the value itself."""
    low, high = np.nanpercentile(drawn, (2.5, 97.5))
    return float(min(low, value)), float(max(high, value))


def _mean_shares(sums: np.ndarray) -> np.ndarray:
    """Hits, and of how many (2, judges, draws), to the mean over those judges who counted something; nan where none."""
    hits, of = sums
    counted = (of > 0).sum(0)
    shares = np.divide(hits, of, out=np.zeros_like(hits), where=of > 0).sum(0)
    return np.divide(shares, counted, out=np.full(counted.shape, np.nan), where=counted > 0)


def _with_interval(share: float, interval: tuple[float, float]) -> str:
    return "-" if isnan(share) else f"{share:.2f} ({interval[0]:.2f} to {interval[1]:.2f})"
