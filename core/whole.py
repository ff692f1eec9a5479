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


def refuse_no_file(path: Path) -> None:
    """There may be a file of this name, or nothing; all else is lost when a file takes its name."""
    try:
        kind = path.lstat().st_mode
    except (OSError, ValueError):
        return
    if stat.S_ISLNK(kind):
        raise OutputError(f"'{plain(path)}' is a link, which would be replaced: name the file that it leads to.")
    if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        raise OutputError(f"'{plain(path)}' is no file but a device or a pipe: take another name.")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Where to write instead of `path`. It takes that name when the block ends well, and goes when it does not."""
    refuse_no_file(path)
    part = path.with_name(part_name())
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())  # a name must not reach the disk before what it names
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
