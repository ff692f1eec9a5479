"""What the verbs say: line by line, whatever names the files have, to whatever terminal."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from pathlib import Path

from ..errors import OutputError
from ..plain import plain

_LONGEST = 600
"""Letters of a sentence; beyond, it repeats what somebody typed or named."""


class Unheard(OutputError):
    """The output itself takes no more."""


def tell(*lines: object) -> None:
    """Print each as one line. What cannot be printed is the reader's loss and never the work's: say it last."""
    try:
        for line in lines:
            print(plain(line))
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Unheard(
            f"What there was to say could not be printed ({error.strerror or error}). What was written is whole: look "
            "there, or name another place for the output."
        ) from error


def warn(*lines: object) -> None:
    """The same beside a bar on the error output, where a loss is no reason to stop."""
    from tqdm import tqdm

    for line in lines:
        with suppress(OSError):
            tqdm.write(shortened(plain(line)), sys.stderr)


def shortened(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


def speak_anywhere() -> None:
    """Letters that a terminal's encoding lacks are written as their numbers; output that is closed goes nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 -- closed by whoever started us
        stream = getattr(sys, name)
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)


def fall_silent() -> None:
    """After a failure nothing more goes out: what is still waiting would fail again when the program ends."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return plain(record.getMessage())
