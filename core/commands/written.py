"""Text files of the verbs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from errno import ENXIO
from pathlib import Path
from typing import TextIO

from ..errors import OutputError
from ..whole import is_stream, not_written, whole


def write_json(path: Path, data: dict[str, object]) -> None:
    """One photo's or film's report, as JSON."""
    with text_file(path) as file:
        file.write(json.dumps(data, indent=1) + "\n")


@contextmanager
def text_file(path: Path) -> Iterator[TextIO]:
    """A file to write to, which takes its name when the block ends well; a pipe, a terminal or /dev/null is written
    into. Names of photos may hold any byte."""
    try:
        if is_stream(path):
            with open(_opened_stream(path), "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
                yield file
            return
        with whole(path) as part, part.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            yield file
    except OSError as error:
        if error.errno == ENXIO:
            raise OutputError(f"'{path}' could not be written: nobody reads at its other end. Name a file.") from error
        raise not_written(str(path), error) from error


def _opened_stream(path: Path) -> int:
    """A pipe or device, opened to write. A pipe that nobody reads is an error, where an ordinary `open` would wait for
    ever."""
    stream = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))
    os.set_blocking(stream, True)
    return stream
