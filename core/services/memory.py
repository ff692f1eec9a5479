"""Answers that were paid for once: by what the two pictures hold, and without the pictures."""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import suppress
from pathlib import Path

from torch import Tensor

from ..model_files.places import home
from ..whole import whole
from .service import About, Answer

KEPT = 30 * 86400
"""Seconds: a service's network is another one day, and an old answer would hide that."""


def pair_of(about: About, one: Tensor, other: Tensor) -> str:
    """One hash of who is asked and of both crops: of a single picture nothing is kept that could be looked up."""
    hasher = hashlib.sha256(f"{about.name}\n{about.place}\n".encode())
    for crop in (one, other):
        hasher.update(hashlib.sha256(str(tuple(crop.shape)).encode() + crop.contiguous().numpy().tobytes()).digest())
    return hasher.hexdigest()


class Memory:
    """A folder with a small file an answer. What is gone or damaged costs a call and nothing else."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def folder(self) -> Path:
        return home() / "answers" / self.name

    def recall(self, pair: str) -> Answer | None:
        path = self.folder / f"{pair}.json"
        try:
            if time.time() - path.stat().st_mtime > KEPT:
                path.unlink(missing_ok=True)
                return None
            known = json.loads(path.read_text(encoding="utf-8"))
            score = None if known["score"] is None else float(known["score"])
            return Answer(score, {str(rate): float(at) for rate, at in known["thresholds"].items()})
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None

    def keep(self, pair: str, answer: Answer) -> None:
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with whole(self.folder / f"{pair}.json") as part:
                part.write_text(json.dumps({"score": answer.score, "thresholds": dict(answer.thresholds)}))
