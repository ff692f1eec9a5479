"""What becomes of hostile cases: each ends well or in one sentence, in time, and nothing else is touched by it."""

from __future__ import annotations

import os
import signal
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from faceveil.core.errors import FaceVeilError

CASES = int(os.environ.get("FACEVEIL_HOSTILE", "400"))
"""How many cases a whole run of the suite has, roughly; 2,000 and more take minutes."""
SEED = int(os.environ.get("FACEVEIL_HOSTILE_SEED", "16"))
PATIENCE = int(os.environ.get("FACEVEIL_HOSTILE_PATIENCE", "20"))
"""Seconds after which a case hangs; on a machine that is busy with other things, loading a library may take as long."""
OUTCOMES = ("clean", "worked", "traceback", "hang", "lost")
_LONGEST = 900


class Hang(BaseException):
    """Nobody catches this by mistake."""


@contextmanager
def patience(seconds: int = PATIENCE):
    """By a signal of its own: what is tried sets alarms itself."""

    def ring(number, frame):
        raise Hang

    signal.signal(signal.SIGUSR1, ring)
    bell = threading.Timer(seconds, lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1))
    bell.start()
    try:
        yield
    finally:
        bell.cancel()


@dataclass
class Tally:
    """Outcomes by kind of case, and the story of each that is none of the good ones."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    stories: list[str] = field(default_factory=list)

    def note(self, kind: str, outcome: str, story: str = "") -> None:
        self.counts.setdefault(kind, Counter())[outcome] += 1
        if outcome not in ("clean", "worked"):
            self.stories.append(f"{kind}, case {self.counts[kind].total()}: {outcome}: {story}")

    def judge(self, kind: str, name: str, call: Callable[[], object], kept: Kept | None = None) -> None:
        """One case. `kept` are files that it has no business with."""
        outcome, story = "worked", name
        try:
            with patience():
                call()
        except FaceVeilError as error:
            outcome, story = self._sentence(str(error), name)
        except Hang:
            outcome, story = "hang", f"{name}: {traceback.format_exc(limit=-4)}"
        except Exception:
            outcome, story = "traceback", f"{name}: {traceback.format_exc(limit=-6)}"
        changed = kept.changed() if kept else []
        if changed:
            outcome, story = "lost", f"{name}: {changed}"
            kept.__post_init__()
        self.note(kind, outcome, story)

    @staticmethod
    def _sentence(text: str, name: str) -> tuple[str, str]:
        fine = text.strip() and "Traceback" not in text and len(text) <= _LONGEST
        return ("clean", name) if fine else ("traceback", f"{name}: no sentence: {text[:300]!r}")

    def table(self) -> list[str]:
        rows = [("kind", "tried", *OUTCOMES)]
        for kind, counts in self.counts.items():
            rows.append((kind, str(counts.total()), *(str(counts[outcome]) for outcome in OUTCOMES)))
        total = sum(self.counts.values(), Counter())
        rows.append(("all", str(total.total()), *(str(total[outcome]) for outcome in OUTCOMES)))
        return ["".join(cell.rjust(12) if place else cell.ljust(24) for place, cell in enumerate(row)) for row in rows]

    def failures(self, kind: str) -> list[str]:
        return [story for story in self.stories if story.startswith(f"{kind}, ")]


@dataclass
class Kept:
    """Files and links as they are now, hard-linked, renamed or replaced ones told apart."""

    paths: Iterable[Path]
    before: dict[Path, object] = field(init=False)

    def __post_init__(self) -> None:
        self.paths = list(self.paths)
        self.before = {path: self._state(path) for path in self.paths}

    def changed(self) -> list[str]:
        return [str(path) for path in self.paths if self._state(path) != self.before[path]]

    @staticmethod
    def _state(path: Path) -> object:
        try:
            about = path.lstat()
        except OSError:
            return None
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else None
        return about.st_mode, about.st_ino, content


def share(part: float) -> int:
    """How many of the cases one kind gets; a few at the least."""
    return max(round(CASES * part), 5)
