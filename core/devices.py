"""Where to compute, and in how much memory."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import torch

from .errors import InputError, ModelError
from .plain import first_line

OLDEST_TORCH = (2, 5)


def usable(name: str | torch.device) -> str:
    """The name of a torch device on which a small computation works; "auto" is a CUDA card where there is one, else the
    CPU."""
    refuse_old_torch(torch.__version__)
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            there = torch.zeros(1, device=name)
        if there.is_meta:  # asking it for a number imports eight hundred modules before it fails
            raise ValueError("it holds no numbers")
        if float(there + 1) == 1:
            return str(name)
    except Exception as error:  # each of torch's devices fails in a way of its own, some by an import
        reason = first_line(error).split(". ")[0][:200].rstrip(".")
    else:
        reason = "it gives wrong numbers"
    raise InputError(f"The device '{name}' cannot be used here ({reason}). Try cpu.")


def refuse_old_torch(version: str) -> None:
    """Checked here and not in requirements.txt, by which an installer would replace the torch of a graphics card."""
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_TORCH:
        needed = ".".join(map(str, OLDEST_TORCH))
        raise ModelError(
            f"FaceVeil needs torch {needed} or newer, and this is {version}: update ComfyUI, or torch by itself."
        )


def free_memory() -> int | None:
    """Bytes that programs may still take; None where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def is_want_of_memory(error: BaseException) -> bool:
    """torch has an error class for a full graphics card; a full main memory is only told by the text of a
    RuntimeError."""
    named = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return named or (isinstance(error, RuntimeError) and "can't allocate memory" in str(error))
