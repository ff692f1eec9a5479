"""Files that appear whole or not at all: written beside the place they are meant for, renamed when all went well.

Whoever reads a folder meanwhile sees the old file or the new one, and a crash leaves at most a hidden part. What is no
file (a link, a device, a pipe) would be gone after the renaming, and is refused.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, ENOSPC
from pathlib import Path

from .errors import OutputError
from .plain import plain

PART = re.compile(r"\.faceveil-[0-9a-f]+\.part")
"""What a file is called while it is written: hidden, and told apart from anybody else's."""


def part_name() -> str:
    """A name of that kind which nobody else has."""
    return f".faceveil-{secrets.token_hex(8)}.part"


def is_stream(path: Path) -> bool:
    """Whether whoever writes there writes to somebody, and not into a file: a terminal, a pipe, /dev/null."""
    try:
        kind = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISCHR(kind) or stat.S_ISFIFO(kind)


def refuse_special_file(path: Path) -> None:
    """There may be a file of this name, or nothing; all else is lost when a file takes its name."""
    try:
        kind = path.lstat().st_mode
    except (OSError, ValueError):
        return
    if stat.S_ISLNK(kind):
        raise OutputError(f"'{plain(path)}' is a link, which would be replaced: name the file that it leads to.")
    if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        raise OutputError(f"'{plain(path)}' is no file but a device or a pipe: take another name.")


def make_folder(folder: Path, called: str, remedy: str = "choose another") -> None:
    """A folder for what will be written, where it is not there yet; `called` is what its user calls it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {called} cannot be made ({error.strerror}): {remedy}.") from error


def refuse_locked(folder: Path) -> None:
    """Before any work: a file can be made there. Only trying tells, for rights say nothing of a disk that may only be
    read, and on Windows nothing of folders."""
    part = folder / part_name()
    try:
        part.touch(exist_ok=False)
        part.unlink()
    except OSError as error:
        raise not_written(plain(folder), error, "choose another folder, or unlock this one") from error


def not_written(name: str, error: Exception, remedy: str = "choose another folder") -> OutputError:
    """Why nothing came of a file, and what to do about it."""
    if getattr(error, "errno", None) in (ENOSPC, EDQUOT):
        return OutputError(f"'{name}' was not written because the disk is full: make room and try again.")
    reason = getattr(error, "strerror", None) or str(error).rstrip(".")
    return OutputError(f"'{name}' could not be written ({reason}): {remedy}.")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Where to write instead of `path`. It takes that name when the block ends well, and goes when it does not."""
    refuse_special_file(path)
    part = path.with_name(part_name())
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())  # a name must not reach the disk before what it names
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
