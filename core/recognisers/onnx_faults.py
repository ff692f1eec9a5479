"""What is wrong with an ONNX file, in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ..errors import FaceVeilError, ModelError
from ..plain import plain


@contextmanager
def telling(name: str, part: str = "") -> Iterator[None]:
    """A file is somebody's program: whatever goes wrong inside of it is said of the file, and not taken for a bug of
    ours. Want of memory stays what it is, for that passes."""
    try:
        yield
    except FaceVeilError:
        raise
    except Exception as error:
        if isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error):
            raise
        reason = plain((str(error).strip() or type(error).__name__).splitlines()[0])[:200].rstrip(".")
        where = f"its part {plain(part)[:40]} does not work" if part else "its structure is not sound"
        raise ModelError(f"{name} is damaged or no network for this: {where} ({reason}). Use another file.") from error
