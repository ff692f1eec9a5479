"""Text files of the verbs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from ..errors import OutputError
from ..whole import whole


@contextmanager
def text_file(path: Path) -> Iterator[TextIO]:
    """A file to write to, which takes its name when the block ends well. Names of photos may hold any byte."""
    try:
        with whole(path) as part, part.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            yield file
    except OSError as error:
        raise OutputError(f"'{path}' could not be written ({error.strerror}): choose another folder.") from error
