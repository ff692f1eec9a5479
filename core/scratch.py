"""Temporary folders that go with their process, or are removed by the next one when it was killed."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

_PREFIX = ".faceveil-scratch-"
LOCK = "in-use"
"""The file in such a folder that its owner keeps locked."""


@contextmanager
def scratch(where: Path | None = None) -> Iterator[Path]:
    """A temporary folder in `where` (default: the system's), which other users cannot read."""
    where = Path(where or tempfile.gettempdir())
    _sweep(where)
    folder, held = _locked_folder(where)
    try:
        yield folder
    finally:
        os.close(held)
        shutil.rmtree(folder, ignore_errors=True)


def _locked_folder(where: Path) -> tuple[Path, int]:
    """A new folder and its lock. Another process may sweep it away before it is locked: then the next one is made."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=where))
        held = lock(folder)
        if held is not None:
            return folder, held


@contextmanager
def in_memory(name: str, folder: Path) -> Iterator[Path]:
    """The path of a file in memory, where the system has such (memfd); else of a file in `folder`.

    The path is a link in `folder`: a process that is killed leaves a link that leads nowhere, and no picture.
    """
    path = folder / name
    if not hasattr(os, "memfd_create"):
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)
        return
    memory = os.memfd_create("photo")
    try:
        path.symlink_to(f"/proc/{os.getpid()}/fd/{memory}")
        yield path
    finally:
        os.close(memory)
        path.unlink(missing_ok=True)


@cache
def _sweep(where: Path) -> None:
    """Remove the folders of processes that are gone, once in each process. Other users' folders are left alone, and
    links not followed."""
    for folder in where.glob(f"{_PREFIX}*"):
        try:
            about = folder.lstat()
        except OSError:
            continue
        ours = stat.S_ISDIR(about.st_mode) and about.st_uid == (os.getuid() if hasattr(os, "getuid") else 0)
        held = lock(folder) if ours else None
        if held is not None:
            os.close(held)
            shutil.rmtree(folder, ignore_errors=True)


def lock(folder: Path) -> int | None:
    """A lock that the system releases however its owner ends; None while another process has it, or may have."""
    try:
        import fcntl
    except ImportError:  # Windows: whoever can remove the file is the only one who has it open
        with suppress(OSError):
            (folder / LOCK).unlink(missing_ok=True)
            return os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        return None
    try:
        held = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        return None
    return held
