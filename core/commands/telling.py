"""What the verbs say: line by line, of whatever names the files have, to whatever terminal."""

from __future__ import annotations

import sys

from ..errors import OutputError
from ..plain import plain


def tell(*lines: object) -> None:
    """Print each as one line. What a terminal cannot hold is the reader's loss and never the work's."""
    try:
        for line in lines:
            print(plain(line))
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(
            f"What there was to say could not be printed ({error.strerror or error}). All files are written: name "
            "another place for the output."
        ) from error


def speak_anywhere() -> None:
    """Letters that a terminal's encoding lacks are written as their numbers, instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
