"""What is wrong with an ONNX file, in a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from ..devices import is_want_of_memory
from ..errors import FaceVeilError, ModelError
from ..plain import first_line, plain

_ABSURD = 2**40
"""Bytes that no network takes for a face, on any machine: then it is the file that is wrong and not the machine."""


@contextmanager
def telling(name: str, part: str = "") -> Iterator[None]:
    """A file is somebody's program: whatever goes wrong inside of it is said of the file, and not taken for a bug of
    ours. Want of memory stays what it is, for that passes."""
    try:
        yield
    except FaceVeilError:
        raise
    except Exception as error:
        requested = re.search(r"tried to allocate (\d+)", str(error))
        if is_want_of_memory(error) and not (requested and int(requested[1]) > _ABSURD):
            raise
        reason = plain(first_line(error))[:200].rstrip(".")
        where = f"its part {plain(part)[:40]} does not work" if part else "its structure is not sound"
        raise ModelError(f"{name} is damaged or no network for this: {where} ({reason}). Use another file.") from error
