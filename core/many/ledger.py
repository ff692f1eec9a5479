"""What became of every photo: a SQLite file with one row each, which outlives whoever writes it."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError, OutputError
from ..whole import make_folder

FIGURES = ("protected", "margin", "psnr", "ssim", "dssim", "chroma", "lpips_vgg")
"""What `figures.figures_of` says of a verdict."""
WAITING, DONE, FAILED = "waiting", "done", "failed"

_ROWS = f"""CREATE TABLE IF NOT EXISTS photos (
    target BLOB PRIMARY KEY, source BLOB NOT NULL, stamp TEXT NOT NULL, settings TEXT NOT NULL, content TEXT,
    state TEXT NOT NULL, attempts INTEGER NOT NULL, reason TEXT, seconds REAL, finished REAL,
    {", ".join(f"{name} REAL" for name in FIGURES)}, report TEXT,
    made TEXT, made_size INTEGER, made_stamp TEXT, version TEXT)"""
_RUNS = "CREATE TABLE IF NOT EXISTS runs (started REAL NOT NULL)"
_FORM = 2
"""Of these tables; a ledger says which it has."""
_SHOWN = (
    *("source", "target", "state", "attempts", "seconds", *FIGURES, "reason", "content", "finished"),
    *("version", "made", "made_size"),
)
_WORST_FIRST = (
    "CASE state WHEN 'failed' THEN 0 WHEN 'done' THEN 1 ELSE 2 END, protected, "
    "CASE WHEN protected THEN coalesce(ssim, 1) ELSE -margin END, target"
)


@dataclass(frozen=True)
class Known:
    """What a ledger knows about a photo before a run."""

    source: str
    stamp: str
    settings: str
    content: str | None
    state: str
    attempts: int
    made: str | None = None
    """SHA-256 of the result, as it was written."""
    made_stamp: str | None = None


class Ledger:
    """Names are kept as the bytes that they are on the disk, for not all of them are text.

    Every step is on the disk's way as soon as it is taken: a process that dies loses nothing, and a machine that does
    loses the last moments, whose photos are then done again.
    """

    def __init__(self, folder: Path, for_writing: bool = False) -> None:
        self.path = folder / "ledger.sqlite"
        if for_writing:
            make_folder(folder, str(folder))
        elif not self.path.is_file():
            raise InputError(f"There is no record of a run in {folder}: name the folder that -o named.")
        with ExitStack() as opened, self._telling():
            if for_writing:
                opened.enter_context(closing(_locked(folder)))
            self._base = opened.enter_context(closing(sqlite3.connect(self.path, isolation_level=None)))
            if for_writing:
                self._base.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; {_ROWS}; {_RUNS}")
                if not self._base.execute("SELECT count(*) FROM runs").fetchone()[0]:
                    self._base.execute(f"PRAGMA user_version = {_FORM}")
            form = self._base.execute("PRAGMA user_version").fetchone()[0]
            if form != _FORM:
                raise sqlite3.DatabaseError(f"it has form {form} where this version of the program has {_FORM}")
            self._opened = opened.pop_all()

    def close(self) -> None:
        """Database first, then the lock on the folder."""
        self._opened.close()

    def known(self) -> dict[str, Known]:
        """All rows by target."""
        columns = "target, source, stamp, settings, content, state, attempts + 0, made, made_stamp"
        with self._telling():
            rows = self._base.execute(f"SELECT {columns} FROM photos").fetchall()
            return {os.fsdecode(target): Known(os.fsdecode(source), *rest) for target, source, *rest in rows}

    def expect(self, entries: Iterable[tuple[str, str, str, str, int]]) -> None:
        """A run begins, with the photos it is to do: (target, source, stamp, settings, attempts so far), in one go."""
        rows = ((os.fsencode(target), os.fsencode(source), *rest) for target, source, *rest in entries)
        with self._telling():
            self._base.execute("BEGIN")
            self._base.execute("INSERT INTO runs VALUES (?)", (time.time(),))
            self._base.executemany(
                "INSERT INTO photos (target, source, stamp, settings, attempts, state) "
                "VALUES (?, ?, ?, ?, ?, 'waiting') "
                "ON CONFLICT (target) DO UPDATE SET source = excluded.source, stamp = excluded.stamp, "
                "settings = excluded.settings, attempts = excluded.attempts, state = 'waiting', reason = NULL",
                rows,
            )
            self._base.execute("COMMIT")

    def begin(self, target: str) -> None:
        """Count an attempt before the work, so that a photo that kills its workers is known by it."""
        with self._telling():
            self._base.execute("UPDATE photos SET attempts = attempts + 1 WHERE target = ?", (os.fsencode(target),))

    def finish(self, target: str, **values: object) -> None:
        """How work on it ended: state and any other columns."""
        self._note(target, {"finished": time.time(), **values})

    def confirm(self, target: str, **values: object) -> None:
        """Done before, and still the same photo: it took no work, and was finished when it was made."""
        self._note(target, {"state": DONE, "reason": None, **values})

    def _note(self, target: str, values: Mapping[str, object]) -> None:
        names = ", ".join(f"{name} = ?" for name in values)
        with self._telling():
            self._base.execute(f"UPDATE photos SET {names} WHERE target = ?", (*values.values(), os.fsencode(target)))

    def restamp(self, target: str, stamp: str) -> None:
        """A result that was touched, or copied back, and is what it was."""
        with self._telling():
            self._base.execute("UPDATE photos SET made_stamp = ? WHERE target = ?", (stamp, os.fsencode(target)))

    def spoil(self, targets: Iterable[str]) -> None:
        """Results that are no longer what was written: they are to be made again."""
        with self._telling():
            self._base.executemany(
                "UPDATE photos SET state = 'waiting', made = NULL WHERE target = ?",
                [(os.fsencode(target),) for target in targets],
            )

    def written(self) -> list[tuple[str, str | None, int | None]]:
        """What is done: target, and the hash and size of the file that was written."""
        with self._telling():
            rows = self._base.execute(
                "SELECT target, made, made_size FROM photos WHERE state = 'done' ORDER BY target"
            ).fetchall()
            return [(os.fsdecode(target), *rest) for target, *rest in rows]

    def versions(self) -> dict[str, int]:
        """How many of the results each version of the program made."""
        with self._telling():
            return dict(
                self._base.execute("SELECT version, count(*) FROM photos WHERE state = 'done' GROUP BY version")
            )

    def counts(self) -> dict[str, int]:
        """How many photos are in each state."""
        with self._telling():
            found = dict(self._base.execute("SELECT state, count(*) FROM photos GROUP BY state"))
        return {state: found.get(state, 0) for state in (DONE, FAILED, WAITING)}

    def totals(self) -> tuple[int, int, float]:
        """Of what is done: how many have a verdict, how many are protected, and seconds of work for all."""
        query = "SELECT count(protected), coalesce(sum(protected), 0), coalesce(sum(seconds), 0) FROM photos"
        with self._telling():
            judged, protected, seconds = self._base.execute(f"{query} WHERE state = 'done'").fetchone()
            return judged, int(protected), float(seconds)

    def rate(self) -> float | None:
        """Photos an hour in the latest run, of those that it worked on; None when that cannot be told yet."""
        query = "WITH latest AS (SELECT max(started) AS begun FROM runs) SELECT count(*), max(finished) - max(begun) "
        with self._telling():
            count, span = self._base.execute(f"{query} FROM photos, latest WHERE finished >= begun").fetchone()
        return count * 3600 / span if span else None

    def worst(self, limit: int = -1) -> Iterator[dict[str, Any]]:
        """Rows with the worst cases first: failed, then matched by the largest margin, then the most visible."""
        with self._telling():
            rows = self._base.execute(
                f"SELECT {', '.join(_SHOWN)} FROM photos ORDER BY {_WORST_FIRST} LIMIT ?", (limit,)
            )
            for values in rows:
                row = dict(zip(_SHOWN, values, strict=True))
                if not all(isinstance(row[name], float | int | None) for name in (*FIGURES, "attempts", "seconds")):
                    raise ValueError("a figure that is no number")
                yield row | {"source": os.fsdecode(row["source"]), "target": os.fsdecode(row["target"])}

    def reports(self) -> Iterator[tuple[str, dict[str, Any] | None, str | None]]:
        """Source, verdict and reason of failure of everything that ended, by name."""
        with self._telling():
            rows = self._base.execute(
                "SELECT source, report, reason FROM photos WHERE state != 'waiting' ORDER BY target"
            )
            for source, report, reason in rows:
                yield os.fsdecode(source), dict(json.loads(report)) if report else None, reason

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if str(error).startswith("no such "):
                raise self._damaged(error) from error
            raise OutputError(
                f"The record of the run, {self.path}, cannot be kept ({error}). What is finished stays: make room or "
                "get the right to write there, and run the same command again."
            ) from error
        except (sqlite3.Error, TypeError, ValueError, OverflowError, RecursionError) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> OutputError:
        """Also for a file that SQLite can read and that is no ledger of ours."""
        return OutputError(
            f"The record of the run, {self.path}, is damaged or of another version ({error}). The pictures are as they "
            "were: move that folder away, and say --overwrite with the same command to have them all done again."
        )


def _locked(folder: Path) -> sqlite3.Connection:
    """A lock that the system takes back when its owner dies, however it dies."""
    lock = sqlite3.connect(folder / "running.sqlite", timeout=0, isolation_level=None)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        lock.close()
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            raise OutputError(
                f"Another run is writing there already ({folder.parent}): wait for it, or name another folder."
            ) from error
        raise
    return lock


def as_columns(figures: Mapping[str, float | None]) -> dict[str, float | None]:
    """Figures as `finish` takes them; what was not measured this time is forgotten."""
    return {name: figures.get(name) for name in FIGURES}
