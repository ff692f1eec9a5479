"""Places that fsspec knows: object stores, file servers, memory."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from ..errors import InputError, OutputError
from ..model_files import places as this_machine
from ..plain import first_line
from ..scratch import in_memory, scratch
from ..whole import PART, part_name
from .local import Folder
from .places import Found, Place, PlaceLost, is_ours

_THIS_MACHINE = {"file", "local"}
"""fsspec's own view of this machine's disks: the same files as a folder's, by another name."""

LARGEST = 2**30
"""Bytes of a file that is taken for a photo: the largest picture that is read takes less than half of it."""
_WHOLE_AT_ONCE = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss", "memory"}
"""Stores in which an object is seen complete or not at all; others are written beside it and renamed."""


class Remote:
    def __init__(self, text: str) -> None:
        self.text = text if text.endswith("://") else text.rstrip("/")
        self.protocol = text.partition("://")[0]
        try:
            from fsspec.core import url_to_fs

            self._files, self._root = url_to_fs(text)
        except (ImportError, ValueError) as error:
            raise InputError(
                f"{text} cannot be opened ({first_line(error).rstrip('.')}). Install what it needs: "
                f"pip install fsspec s3fs for s3://, or what fsspec names for {self.protocol}://."
            ) from error
        self._root = self._root.rstrip("/")

    def find(self, pattern: str | None = None) -> Iterator[Found]:
        with self._telling("read"):
            self._files.invalidate_cache()
            if pattern is None:
                found = self._files.find(self._root, detail=True)
            else:
                found = self._files.glob(f"{self._root}/{pattern}", detail=True)
        for path, about in sorted(found.items()):
            key = path.removeprefix(self._root).lstrip("/")
            if about["type"] == "file" and is_ours(key):
                yield Found(key, _stamp(about))

    @contextmanager
    def fetch(self, key: str) -> Iterator[Path]:
        with scratch() as folder, in_memory(PurePosixPath(key).name, folder) as path:
            with self._telling("read"):
                try:
                    self._refuse_huge(key)
                    self._files.get_file(f"{self._root}/{key}", str(path))
                except FileNotFoundError as error:
                    raise InputError(f"There is no photo '{key}' in {self.text} any more: check the path.") from error
            yield path

    def _refuse_huge(self, key: str) -> None:
        size = self._files.info(f"{self._root}/{key}").get("size") or 0
        if size > LARGEST:
            raise InputError(f"'{key}' has {size / 1e9:.1f} GB, which no photo has: leave it out, or make it smaller.")

    @contextmanager
    def deliver(self, key: str) -> Iterator[Path]:
        with scratch() as folder:
            path = folder / PurePosixPath(key).name
            yield path
            target = f"{self._root}/{key}"
            with self._telling("written"):
                if self.protocol in _WHOLE_AT_ONCE:
                    self._files.put_file(str(path), target)
                    return
                parent = target.rpartition("/")[0]
                self._files.makedirs(parent, exist_ok=True)
                part = f"{parent}/{part_name()}"
                self._files.put_file(str(path), part)
                self._files.mv(part, target)

    def prepare(self) -> None:
        """Writes a probe, named like a file that was left half-written, so that `sweep` removes it."""
        with self._telling("written"):
            if self.protocol not in _WHOLE_AT_ONCE:  # those have no folders, and some would make a bucket
                self._files.makedirs(self._root, exist_ok=True)
            self._files.pipe_file(f"{self._root}/{part_name()}", b"may be written")

    def stamp(self, key: str) -> str:
        with self._telling("read"):
            self._files.invalidate_cache()
            return _stamp(self._files.info(f"{self._root}/{key}"))

    def sweep(self) -> dict[str, str]:
        with self._telling("written"):
            self._files.invalidate_cache()
            keys = {}
            for path, about in self._files.find(self._root, detail=True).items():
                if PART.fullmatch(PurePosixPath(path).name):
                    with suppress(FileNotFoundError):  # whoever was writing it has just finished after all
                        self._files.rm_file(path)
                else:
                    keys[path.removeprefix(self._root).lstrip("/")] = _stamp(about)
            return keys

    def require(self) -> None:
        """A URL means the same everywhere."""

    def contains(self, other: Place) -> bool:
        here = self.local()
        if here is not None:
            return Folder(here).contains(other)
        if not isinstance(other, Remote) or type(self._files) is not type(other._files):
            return False
        return f"{other._root}/".startswith(f"{self._root}/")

    def local(self, key: str = "") -> Path | None:
        return Path(self._root) / key if self.protocol in _THIS_MACHINE else None

    def ledger_folder(self) -> Path:
        """On this machine: a ledger changes with every photo, which an object store cannot do."""
        words = re.sub(r"[^a-zA-Z0-9]+", "-", self.text).strip("-")[:60]
        return this_machine.home() / "ledgers" / f"{words}-{hashlib.sha256(self.text.encode()).hexdigest()[:8]}"

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        """Every store has errors of its own, and nearly all of them mean that the next photo would fail as well."""
        try:
            yield
        except (InputError, OutputError):
            raise
        except Exception as error:
            reason = first_line(error).rstrip(".")
            raise PlaceLost(
                f"{self.text} cannot be {what} ({reason}). What is finished is kept: check the address and your "
                "rights, then run the same command again."
            ) from error


def _stamp(about: dict[str, object]) -> str:
    """A store's own mark of a content, or size and time."""
    mark = about.get("ETag") or about.get("etag") or about.get("md5Hash")
    times = [about[name] for name in ("mtime", "LastModified", "last_modified", "updated", "created") if name in about]
    return str(mark or f"{about.get('size')}:{times[0] if times else ''}")
