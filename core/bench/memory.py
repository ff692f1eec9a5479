"""The most memory that something took."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass
class Peak:
    mb: float | None = None
    """Of the graphics card where one is used, else of the whole process (libraries and weights included); None where
    the system does not tell (Windows)."""


@contextmanager
def peak_memory(device: str = "cpu") -> Iterator[Peak]:
    """Measured from here on where the system can forget earlier peaks (Linux, CUDA), else since the process began."""
    import torch

    peak = Peak()
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
        yield peak
        peak.mb = torch.cuda.max_memory_allocated(device) / 2**20
        return
    with suppress(OSError):
        _RESET.write_text("5")
    yield peak
    peak.mb = _process_peak()


def _process_peak() -> float | None:
    with suppress(OSError, StopIteration):
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    try:
        import resource
    except ImportError:
        return None
    unit = 2**20 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
