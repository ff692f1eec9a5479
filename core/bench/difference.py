"""Two runs compared on what both of them did: by method, judge and copy, with an interval that draws whole people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isnan
from pathlib import Path

import numpy as np

from ..errors import InputError
from .albums import albums_of, as_pairs
from .attacking import joined
from .rows import (
    ATTACK,
    FAR,
    RESULTS,
    Row,
    judged,
    key_of,
    mean,
    measured,
    read_attacked,
    read_known,
    read_rows,
    success,
)
from .shares import DRAWS, SEED, around, redrawn
from .tables import by, table

INTRO = """Share of pairs no longer matched at a false-accept rate of {far}, in A and in B, of photos that both have
protected with the same method and the same families left out. In brackets: the 95 % interval of the difference, people
drawn anew {draws} times for both runs alike (seed {seed}). One that holds 0 says that chance may have done it."""


@dataclass(frozen=True)
class Difference:
    """Hits, and of how many, by person in two runs."""

    before: Mapping[str, tuple[int, int]]
    after: Mapping[str, tuple[int, int]]

    @property
    def shares(self) -> tuple[float, float]:
        before, after = (float(hits / of) if of else float("nan") for hits, of in self._counts.sum(-1))
        return before, after

    @property
    def value(self) -> float:
        return self.shares[1] - self.shares[0]

    @cached_property
    def interval(self) -> tuple[float, float]:
        hits, of = np.moveaxis(self._counts @ redrawn(self._counts.shape[-1]).T, 1, 0)
        shares = np.divide(hits, of, out=np.full(hits.shape, np.nan), where=of > 0)
        return around(self.value, shares[1] - shares[0])

    @cached_property
    def _counts(self) -> np.ndarray:
        """(2 runs, hits and of, people)."""
        people = sorted({*self.before, *self.after})
        return np.array(
            [[run.get(who, (0, 0)) for who in people] for run in (self.before, self.after)], float
        ).transpose(0, 2, 1)

    def __str__(self) -> str:
        if isnan(self.value):
            return "-"
        low, high = self.interval
        return f"{self.value:+.2f} ({low:+.2f} to {high:+.2f})"


def rows_of(folder: Path) -> list[Row]:
    """A run's rows as pairs, with what attacks left of them."""
    results = folder / RESULTS if folder.is_dir() else folder
    if not results.is_file():
        raise InputError(f"{folder} is no folder of a bench's results: it has no {RESULTS}.")
    rows = joined(read_rows([results]), read_attacked([results]))
    if not rows:
        raise InputError(f"{folder} has no results yet: nothing was protected there.")
    albums = albums_of(read_known([results]))
    return [as_pairs(row, albums) if "person" in row else row for row in rows]


def difference_of(before: Sequence[Row], after: Sequence[Row], far: str = FAR) -> str:
    """Tables as Markdown; refused where the two have nothing in common."""
    both = {key_of(row) for row in before} & {key_of(row) for row in after}
    runs = [[row for row in rows if key_of(row) in both] for rows in (before, after)]
    if not both:
        raise InputError("These two runs share no photo, method and left-out family: there is nothing to compare.")
    body = []
    for method in by(runs[0], "method"):
        mine = [[row for row in rows if row["method"] == method] for rows in runs]
        for judge in dict.fromkeys(seen["name"] for _, seen in judged(mine[0])):
            for copy in _copies(mine, judge):
                difference = Difference(*(_counted(rows, judge, copy, far) for rows in mine))
                shares = ("-" if isnan(share) else f"{share:.2f}" for share in difference.shares)
                body.append([method, judge, copy.removeprefix(ATTACK), *shares, difference])
    parts = [
        f"## B against A: {len({row['photo'] for row in runs[0]})} photos",
        INTRO.format(far=far, draws=DRAWS, seed=SEED),
    ]
    parts += [table(["method", "judge", "copy or attack", "A", "B", "B - A"], body)]
    return "\n\n".join([*parts, "## How visible", _looks(runs)]) + "\n"


def _copies(runs: Sequence[Sequence[Row]], judge: str) -> list[str]:
    """Copies that both runs showed this judge."""
    seen = [dict.fromkeys(c for _, s in judged(rows) if s["name"] == judge for c in s["after"]) for rows in runs]
    return [copy for copy in seen[0] if copy in seen[1]]


def _whose(row: Row) -> str:
    return row["person"] if "person" in row else row["photo"]


def _counted(rows: Sequence[Row], judge: str, copy: str, far: str) -> dict[str, tuple[int, int]]:
    """By person; in pairs a photo is a person."""
    found: dict[str, tuple[int, int]] = {}
    pairs = [pair for pair in judged(rows) if pair[1]["name"] == judge and pair[0]["decoy"] is None]
    for who in dict.fromkeys(_whose(row) for row, _ in pairs):
        mine = [(row, seen) for row, seen in pairs if _whose(row) == who]
        share = success(mine, copy, far)
        found[who] = round(share.share * share.of) if share.of else 0, share.of
    return found


def _looks(runs: Sequence[Sequence[Row]]) -> str:
    body = []
    for method in by(runs[0], "method"):
        for name in measured(runs[0]):
            values = [mean(row["quality"].get(name) for row in rows if row["method"] == method) for rows in runs]
            body.append(
                [method, name.replace("_", " "), *(f"{v:.3f}" for v in values), f"{values[1] - values[0]:+.3f}"]
            )
    return table(["method", "figure", "A", "B", "B - A"], body)
