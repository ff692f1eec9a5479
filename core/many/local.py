"""Places that are folders of this machine, or of a disk that several machines share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, ENOSPC, EROFS
from pathlib import Path

from ..errors import InputError, OutputError
from ..whole import PART, make_folder
from .places import Found, Place, PlaceLost, is_ours

_FOR_EVERYBODY = (ENOSPC, EDQUOT, EROFS)


class Folder:
    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))  # unlike resolve, it does not fail for links that lead in circles
        self.text = str(self.root)

    def find(self, pattern: str | None = None) -> Iterator[Found]:
        try:
            matches = self._below() if pattern is None else sorted(self.root.glob(pattern))
        except (ValueError, NotImplementedError) as error:
            raise InputError(
                f"'{pattern}' is not a pattern of names ({error}): use * and **, as in **/*.jpg."
            ) from error
        for path in matches:
            key = path.relative_to(self.root).as_posix()
            stamp = self._stamp_of(key) if is_ours(key) else None
            if stamp is not None:
                yield Found(key, stamp)

    def _below(self) -> Iterator[Path]:
        def refuse(error: OSError) -> None:
            raise InputError(f"The folder '{error.filename}' cannot be read ({error.strerror}): check the path.")

        for folder, inner, files in os.walk(self.root, onerror=refuse):
            # By name: the disk's own order is another on every machine, and a copy may depend on those before it.
            inner[:] = sorted(name for name in inner if not name.startswith("."))
            yield from (Path(folder) / name for name in sorted(files))

    @contextmanager
    def fetch(self, key: str) -> Iterator[Path]:
        yield self.root / key

    @contextmanager
    def deliver(self, key: str) -> Iterator[Path]:
        """`images.write_photo` writes whole files only, so the block is given the file itself."""
        path = self.root / key
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield path
        except (OSError, OutputError) as error:
            cause = error if isinstance(error, OSError) else error.__cause__
            reason = getattr(cause, "strerror", None) or str(error)
            if isinstance(cause, OSError) and cause.errno in _FOR_EVERYBODY:
                raise PlaceLost(
                    f"Nothing more can be written to {self.text} ({reason}). What is finished is kept and nothing is "
                    "half-written: make room and run the same command again."
                ) from error
            if isinstance(error, OutputError):
                raise
            raise OutputError(f"'{key}' cannot be written to {self.text} ({reason}): choose another folder.") from error

    def prepare(self) -> None:
        make_folder(self.root, self.text)

    def stamp(self, key: str) -> str:
        about = (self.root / key).stat()
        return f"{about.st_size}:{about.st_mtime_ns}"

    def _stamp_of(self, key: str) -> str | None:
        """None of what is no file, or no longer: others may write and clear up in the folder meanwhile."""
        try:
            return self.stamp(key) if (self.root / key).is_file() else None
        except FileNotFoundError:
            return None

    def sweep(self) -> dict[str, str]:
        keys = {}
        for path in self._below():
            if PART.fullmatch(path.name):
                path.unlink(missing_ok=True)
                continue
            key = path.relative_to(self.root).as_posix()
            stamp = self._stamp_of(key)
            if stamp is not None:
                keys[key] = stamp
        return keys

    def require(self) -> None:
        if not self.ledger_folder().is_dir():
            raise OutputError(
                f"A worker's {self.text} is not the folder of that name where the run was started: name a folder on a "
                "disk that all machines share, or a URL."
            )

    def contains(self, other: Place) -> bool:
        there = other.local()
        return there is not None and Path(os.path.realpath(there)).is_relative_to(os.path.realpath(self.root))

    def local(self, key: str = "") -> Path:
        return self.root / key

    def ledger_folder(self) -> Path:
        return self.root / ".faceveil"
