"""Files that appear whole or not at all: written beside the place they are meant for, renamed when all went well.

Whoever reads a folder meanwhile sees the old file or the new one, and a crash leaves at most a hidden part.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PART = re.compile(r"\.faceveil-[0-9a-f]+\.part")
"""What a file is called while it is written: hidden, and told apart from anybody else's."""


def part_name() -> str:
    """A name of that kind which nobody else has."""
    return f".faceveil-{secrets.token_hex(8)}.part"


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Where to write instead of `path`. It takes that name when the block ends well, and goes when it does not."""
    part = path.with_name(part_name())
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())  # a name must not reach the disk before what it names
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
