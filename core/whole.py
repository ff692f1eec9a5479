"""Files that appear whole or not at all: written beside their target, renamed when all went well.

A reader sees the old file or the new one, and a crash leaves at most a hidden part. A link, a device or a pipe would be
replaced by the renaming, and is refused.
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
    """A new random name of that form."""
    return f".faceveil-{secrets.token_hex(8)}.part"


def is_stream(path: Path) -> bool:
    """Whether the path is a pipe or a character device (a terminal, /dev/null) and no file."""
    try:
        kind = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISCHR(kind) or stat.S_ISFIFO(kind)


def refuse_special_file(path: Path) -> None:
    """Refuse what would be lost when a file is renamed to this: a link, a device, a pipe."""
    try:
        kind = path.lstat().st_mode
    except (OSError, ValueError):
        return
    if stat.S_ISLNK(kind):
        raise OutputError(f"'{plain(path)}' is a link, which would be replaced: name the file that it leads to.")
    if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        raise OutputError(f"'{plain(path)}' is no file but a device or a pipe: take another name.")


def make_folder(folder: Path, called: str, remedy: str = "choose another") -> None:
    """Make a folder where it is missing; `called` is its name in an error."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {called} cannot be made ({error.strerror}): {remedy}.") from error


def refuse_locked(folder: Path) -> None:
    """Make sure before any work that a file can be made there, by making one: permissions do not show a disk that is
    read-only, and on Windows nothing of folders."""
    part = folder / part_name()
    try:
        part.touch(exist_ok=False)
        part.unlink()
    except OSError as error:
        raise not_written(plain(folder), error, "choose another folder, or unlock this one") from error


def not_written(name: str, error: Exception, remedy: str = "choose another folder") -> OutputError:
    """The error for a file that was not written: why, and what to do."""
    if getattr(error, "errno", None) in (ENOSPC, EDQUOT):
        return OutputError(f"'{name}' was not written because the disk is full: make room and try again.")
    reason = getattr(error, "strerror", None) or str(error).rstrip(".")
    return OutputError(f"'{name}' could not be written ({reason}): {remedy}.")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Where to write instead of `path`: renamed to it when the block ends well, removed when it does not."""
    refuse_special_file(path)
    part = path.with_name(part_name())
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())  # a name must not reach the disk before what it names
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
