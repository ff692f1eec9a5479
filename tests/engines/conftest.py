"""transformers imports torchvision wherever it is installed, and one built for another torch fails at that."""

from __future__ import annotations

import sys

import torch


def pytest_configure() -> None:
    """Declare the operators that such a torchvision misses; nothing here calls them."""
    try:
        import torchvision  # noqa: F401
    except ImportError:
        return
    except RuntimeError:
        _kept.append(torch.library.Library("torchvision", "FRAGMENT"))
        for name in ("nms(Tensor d, Tensor s, float t) -> Tensor", "qnms(Tensor d, Tensor s, float t) -> Tensor"):
            _kept[0].define(name)
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]


_kept: list[torch.library.Library] = []
"""Operators vanish with the object that declared them."""
