"""The results file: JSON lines, one trial each, and what they say together."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from math import isnan
from pathlib import Path
from typing import Any

from ..errors import InputError, OutputError
from ..recognisers.card import impostors_of
from .shares import ByPerson, Rate

Row = dict[str, Any]
"""A line of JSON, of one of the kinds that are read below."""
Key = tuple[str, str, str, str | None]
"""Method, family left out, photo and decoy: equal ones are one trial."""
FAR = "1e-2"
POSTED = "jpeg75"
"""The copy that a search is repeated with."""
ATTACK = "attack "
"""Before an attack's name where copies are named: a posted copy may be called the same."""
RESULTS = "rows.jsonl"
"""What a results file is called; a folder that holds one is a run's."""


def read_rows(paths: Iterable[Path]) -> list[Row]:
    """Trials of several files, each trial once; a last line that was cut off by a crash is left out."""
    found = (row for path in paths for row in _lines(path) if "method" in row)
    return list({key_of(row): row for row in found}.values())


def read_known(paths: Iterable[Path]) -> list[Row]:
    """A search's photos as they were seen unprotected; the same photo may have been seen on several machines."""
    return [row for path in paths for row in _lines(path) if "known" in row]


def read_attacked(paths: Iterable[Path]) -> list[Row]:
    """What attacks left of protected photos, a line for each photo and attack."""
    return [row for path in paths for row in _lines(path) if "attacked" in row]


def read_about(path: Path) -> Row:
    """What the latest run that wrote to a file said of itself; empty where none did."""
    records = [row["about"] for row in _lines(path) if "about" in row]
    return records[-1] if records else {}


def _lines(path: Path) -> Iterator[Row]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is no file of results: name a {RESULTS} that a bench wrote.") from error
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            if not isinstance(row, dict):
                raise ValueError("no object")
        except (ValueError, RecursionError) as error:
            if number == len(lines):
                continue
            raise InputError(f"Line {number} of {path.name} is no result. Remove it and go on.") from error
        yield row


def cut_torn_line(path: Path) -> None:
    """What a crash left of a last line goes, for whatever is added next would become part of it."""
    found = path.read_bytes()
    if not found.endswith(b"\n"):
        os.truncate(path, found.rfind(b"\n") + 1)


@contextmanager
def writing_into(folder: Path) -> Iterator[None]:
    """Makes the folder, and says in one sentence why something cannot be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise OutputError(f"Results cannot be written to {folder}: {error.strerror}.") from error


def key_of(row: Row) -> Key:
    return row["method"], row["held_out"], row["photo"], row["decoy"]


def about(**more: object) -> Row:
    """What has to be known to make a results file again."""
    import torch

    known: dict[str, str | None] = {}
    for package in ("faceveil", "torch", "numpy", "pillow"):
        try:
            known[package] = version(package)
        except PackageNotFoundError:
            known[package] = None
    versions = {"versions": known, "python": platform.python_version()}
    return {"about": {**versions, "machine": machine(), "threads": torch.get_num_threads(), **more}}


def machine() -> str:
    """The processor (and graphics card) in words."""
    import torch

    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    card = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{name}, {os.cpu_count()} cores{card}, {platform.system()}"


def judged(rows: Sequence[Row], role: str = "judge") -> list[tuple[Row, Row]]:
    """Every row with each of its recognisers of that role, outsiders among the judges."""
    pairs = []
    for row in rows:
        seen = [*row["recognisers"], *(row.get("outside") or [])]
        pairs += [(row, recogniser) for recogniser in seen if recogniser["role"] == role]
    return pairs


def success(
    pairs: Iterable[tuple[Row, Row]], copy: str = "plain", far: str = FAR, decoy: bool = False
) -> Rate | ByPerson:
    """No longer matched, among those matched before; or with `decoy` taken for the decoy, among those not before.

    Pairs judged without a threshold at this rate are left out, and those of whom no such copy was shown. In a search
    the share is counted by person.
    """
    counts = _succeeded(pairs, copy, far, decoy)
    return Rate(*counts.get(None, (0, 0))) if set(counts) <= {None} else _by_person(counts)


def success_by_person(pairs: Iterable[tuple[Row, Row]], copy: str, far: str) -> ByPerson:
    """The same of a search alone."""
    return _by_person(_succeeded(pairs, copy, far, decoy=False))


def _by_person(counts: Mapping[str | None, tuple[int, int]]) -> ByPerson:
    return ByPerson(({person: counted for person, counted in counts.items() if person is not None},))


def _succeeded(pairs: Iterable[tuple[Row, Row]], copy: str, far: str, decoy: bool) -> dict[str | None, tuple[int, int]]:
    """Hits, and of how many, by person; None is everybody of a run of pairs."""
    counts: dict[str | None, tuple[int, int]] = {}
    prefix = "decoy_" if decoy else ""
    for row, seen in pairs:
        hits, of = counts.setdefault(row.get("person"), (0, 0))
        threshold = seen["thresholds"].get(far)
        if threshold is None or f"{prefix}before" not in seen or copy not in seen[f"{prefix}after"]:
            continue
        matched = [seen[f"{prefix}before"] > threshold, seen[f"{prefix}after"][copy] > threshold]
        wanted = [False, True] if decoy else [True, False]
        if matched[0] == wanted[0]:
            counts[row.get("person")] = hits + (matched[1] == wanted[1]), of + 1
    return counts


def lead(pairs: Iterable[tuple[Row, Row]], far: str = FAR) -> float:
    """How far below the threshold similarities lie on average, in standard deviations of the judge's impostors.

    Says more of a few pairs than a share of them does.
    """
    known = [seen for _, seen in pairs if far in seen["thresholds"]]
    return mean((s["thresholds"][far] - s["after"]["plain"]) / impostors_of(s["thresholds"])[1] for s in known)


def measured(rows: Iterable[Row]) -> list[str]:
    """The names of whatever a verdict could measure of the change on any of the photos, in the verdict's order."""
    figures = (item for row in rows for item in row["quality"].items())
    return list(dict.fromkeys(name for name, value in figures if type(value) in (int, float)))


def mean(values: Iterable[float | None]) -> float:
    """Of what could be measured; nan is also a mean, or a share, of nothing."""
    known = [value for value in values if value is not None and not isnan(value)]
    return sum(known) / len(known) if known else float("nan")
