"""`--apart`: a copy must not be matched with copies of the same person that were made before it."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

LATEST = 8
"""So many copies of a folder at most, the latest: each takes a share of what a search asks for."""


def add_apart(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--apart",
        nargs="*",
        type=Path,
        metavar="COPY",
        help="keep copies of one person from matching each other: with those named here, and of several photos with "
        "those of the same folder that are done; a folder is taken to show one person",
    )


def refuse_unfit(options: argparse.Namespace, several: bool) -> None:
    """What cannot be kept apart is said before any work."""
    from ..many.sources import is_url

    if options.apart is None:
        return
    if options.veil and not options.refine:
        raise InputError("A veil that is worn as it is keeps nothing apart: add --refine N, or leave out --apart.")
    if not several and not options.apart:
        raise InputError("Of one photo --apart has to be told which copies were made before: --apart COPY ...")
    if options.ray or options.jobs not in (None, 1):
        raise InputError("--apart takes photo after photo, each with the copies before it: leave out --jobs and --ray.")
    if several and is_url(options.out):
        raise InputError("--apart looks at the copies that are done, so OUT must be a folder of this machine.")


class Copies:
    """Copies that were named, and in a run over many those of the same folder of OUT."""

    def __init__(self, options: argparse.Namespace, device: str) -> None:
        from .pictures import read_faces, several

        self.named, self.device = read_faces(options.apart or [], device, "copy"), device
        self.done: dict[Path, list[Path]] = defaultdict(list)
        self.seen: dict[Path, Tensor | None] = {}
        for path in _done_in(options.out) if several(options) else ():
            self.add(path)

    def before(self, target: Path) -> list[Tensor]:
        """What is there already when this one is made, (1, 3, H, W) each."""
        latest = self.done[target.parent][-LATEST:]
        self.seen = {path: self.seen[path] if path in self.seen else _faces_of(path, self.device) for path in latest}
        return [*self.named, *(copy for copy in self.seen.values() if copy is not None)]

    def add(self, target: Path) -> None:
        self.done[target.parent].append(target)


def _done_in(out: str) -> Iterator[Path]:
    """Photos that earlier runs made and this one leaves as they are: what it does again is waiting by now."""
    from ..film.files import is_film
    from ..many.ledger import DONE, Ledger
    from ..many.sources import open_place

    place = open_place(out)
    with closing(Ledger(place.ledger_folder())) as ledger:
        done = sorted(target for target, row in ledger.known().items() if row.state == DONE)
    for path in map(place.local, done):
        if path is not None and not is_film(path) and path.is_file():
            yield path


def _faces_of(path: Path, device: str) -> Tensor | None:
    """As much of a copy as its faces need; nothing where no detector sees one any more."""
    from ..errors import NoFaceError
    from ..faces.crops import region_of
    from ..faces.find import find_faces
    from ..images import read_photo, to_bchw

    picture = to_bchw(read_photo(path).pixels).to(device)
    try:
        return region_of(find_faces(picture, look_turned=False), *picture.shape[-2:]).cut(picture)
    except NoFaceError:
        return None
