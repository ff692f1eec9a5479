"""The results file: JSON lines, one trial each, and what they say together."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from math import sqrt
from pathlib import Path

from ..errors import InputError
from ..recognisers.card import impostors_of

Row = dict[str, object]
FAR = "1e-2"


def read_rows(paths: Iterable[Path]) -> list[Row]:
    """Trials of several files, each trial once; a last line that was cut off by a crash is left out."""
    found: dict[tuple, Row] = {}
    for path in paths:
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                if number == len(lines):
                    continue
                raise InputError(f"Line {number} of {path.name} is no result. Remove it and go on.") from error
            if "about" not in row:
                found[key_of(row)] = row
    return list(found.values())


def key_of(row: Row) -> tuple:
    return row["method"], row["held_out"], row["photo"], row["decoy"]


def about(**more: object) -> Row:
    """What has to be known to make a results file again."""
    known = {}
    for package in ("comfyui-faceveil", "torch", "numpy", "pillow"):
        try:
            known[package] = version(package)
        except PackageNotFoundError:
            known[package] = None
    return {"about": {"versions": known, "python": platform.python_version(), "machine": machine(), **more}}


def machine() -> str:
    """The processor (and graphics card) in words."""
    import os

    import torch

    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    card = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{name}, {os.cpu_count()} cores{card}, {platform.system()}"


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
        return max(0.0, low), min(1.0, high)

    def __str__(self) -> str:
        if not self.of:
            return "-"
        low, high = self.interval
        return f"{self.share:.2f} ({low:.2f} to {high:.2f})"


def judged(rows: Sequence[Row], role: str = "judge") -> list[tuple[Row, Row]]:
    """Every row with each of its recognisers of that role, outsiders among the judges."""
    pairs = []
    for row in rows:
        seen = [*row["recognisers"], *(row.get("outside") or [])]
        pairs += [(row, recogniser) for recogniser in seen if recogniser["role"] == role]
    return pairs


def success(pairs: Iterable[tuple[Row, Row]], copy: str = "plain", far: str = FAR, decoy: bool = False) -> Rate:
    """No longer matched, among those matched before; or with `decoy` taken for the decoy, among those not before.

    Pairs judged without a threshold at this rate are left out.
    """
    hits = of = 0
    prefix = "decoy_" if decoy else ""
    for _, seen in pairs:
        threshold = seen["thresholds"].get(far)
        if threshold is None or f"{prefix}before" not in seen:
            continue
        matched = [seen[f"{prefix}before"] > threshold, seen[f"{prefix}after"][copy] > threshold]
        wanted = [False, True] if decoy else [True, False]
        if matched[0] == wanted[0]:
            of += 1
            hits += matched[1] == wanted[1]
    return Rate(hits, of)


def lead(pairs: Iterable[tuple[Row, Row]], far: str = FAR) -> float:
    """How far below the threshold similarities lie on average, in standard deviations of the judge's impostors.

    Says more of a few pairs than a share of them does.
    """
    known = [seen for _, seen in pairs if far in seen["thresholds"]]
    return mean((s["thresholds"][far] - s["after"]["plain"]) / impostors_of(s["thresholds"])[1] for s in known)


def mean(values: Iterable[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else float("nan")
