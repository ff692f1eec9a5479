"""A cheap, deterministic treatment of photos, for tests of everything around it; run as a script it is a whole run."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from faceveil.core.errors import NoFaceError
from faceveil.core.images import read_photo, write_photo
from faceveil.core.many.actors import Actors
from faceveil.core.many.processes import Processes, seats
from faceveil.core.many.run import Order, run
from faceveil.core.many.workers import Here
from faceveil.core.whole import whole


@dataclass(frozen=True)
class Negative:
    """Photos become their negatives; one called "nobody" shows no face."""

    pause: float = 0.0

    def __call__(self):
        return self.treat

    def treat(self, source: Path, target: Path, key: str) -> dict[str, object]:
        photo = read_photo(source)
        if source.stem == "nobody":
            raise NoFaceError("There is no face.")
        time.sleep(self.pause)
        write_photo(photo.with_pixels(1 - photo.pixels), target, sources=[source])
        brightness = float(photo.pixels.mean())
        return {"protected": float(brightness < 0.5), "margin": brightness - 0.5, "ssim": brightness, "report": "{}"}


@dataclass(frozen=True)
class DiesWriting(Negative):
    """The first of them to get a photo is killed with its file half-written."""

    died: Path = Path()

    def treat(self, source: Path, target: Path, key: str) -> dict[str, object]:
        try:
            self.died.touch(exist_ok=False)
        except FileExistsError:
            return super().treat(source, target, key)
        with whole(target) as part:
            part.write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)


def order(photos: object, out: object, pause: float = 0.0, settings: str = "same", **more: object) -> Order:
    return Order((str(photos),), str(out), Negative(pause), settings, **more)


def hire(jobs: int):
    return Here if jobs == 1 else partial(Processes, seats=seats(jobs))


if __name__ == "__main__":  # PHOTOS OUT [ADDRESS of a Ray cluster]; prints how many are done
    workers = partial(Actors, address=sys.argv[3]) if len(sys.argv) > 3 else hire(2)
    run(
        order(sys.argv[1], sys.argv[2], pause=0.02),
        workers,
        lambda now: os.write(1, f"{now.done}\n".encode()),
    )
