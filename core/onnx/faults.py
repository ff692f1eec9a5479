"""What is wrong with an ONNX file, in a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from ..devices import is_want_of_memory
from ..errors import FaceVeilError, ModelError
from ..plain import first_line, plain

_ABSURD = 2**40
"""Bytes that no network takes for a face: whoever asks for more is a damaged file, on any machine."""


@contextmanager
def telling(name: str, part: str = "") -> Iterator[None]:
    """Any error inside is told as a fault of the file, which is somebody else's program, and not as a bug of ours. Want
    of memory is passed on, for it may be there the next time."""
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
