"""Where to compute."""

from __future__ import annotations

import warnings

import torch

from .errors import InputError


def usable(name: str | torch.device) -> str:
    """A torch device by its name, when something can be computed there and be had back; "auto" takes a graphics card
    when there is one."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            there = torch.zeros(1, device=name)
        if float(there + 1) == 1:
            return str(name)
    except Exception as error:  # each of torch's devices fails in a way of its own, some by an import
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    else:
        reason = "it gives wrong numbers"
    raise InputError(f"The device '{name}' cannot be used here ({reason}). Try cpu.")
