"""Trajectories as files: safetensors, with what they are as JSON. Strict at the door."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from math import isfinite
from pathlib import Path

import torch
from torch import Tensor

from ..errors import InputError
from ..labels import Label
from ..plain import plain
from ..whole import not_written, whole
from .record import LIMIT, Series, Trajectory

SUFFIX = ".trajectory"
KIND, VERSION = "faceveil-trajectory", 3
_LABEL = Label(KIND, VERSION, "trajectory", "invert the picture again")
_KEY = "faceveil"
_TENSORS, _SIGMA = 1_000_000, 1e4
"""Far more than a thousand steps of a large model take, and more noise than any model knows."""
_NUMBERS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_VALUES = re.compile(r"values\.(\d{1,4})/(\d{1,4})")
"""Attention values of one layer, of how many."""


def save_trajectory(path: Trajectory, file: str | Path) -> None:
    """Write everything that is recorded: whole or not at all.

    Whoever has the file and the model can make the picture of it: it is to be kept as the original is.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    file = Path(file)
    tensors = {
        f"{name}@{sigma!r}": value.contiguous()
        for name, series in _all(path).items()
        for sigma, value in zip(series.sigmas, series.values, strict=True)
    }
    try:
        with whole(file) as part:
            save_file(tensors, part, {_KEY: json.dumps({"kind": KIND, "version": VERSION})})
    except (SafetensorError, OSError) as error:
        raise not_written(plain(file.name), error) from error


def load_trajectory(file: str | Path, limit: int = LIMIT) -> Trajectory:
    """Read a trajectory, or say in one sentence why it is none; `limit` is as for `Trajectory`."""
    from safetensors import SafetensorError, safe_open

    file, path = Path(file), Trajectory(limit)
    name = plain(file.name)
    try:
        with safe_open(file, "pt") as stored:
            _LABEL.read((stored.metadata() or {}).get(_KEY), name)
            for key in _checked_keys(list(stored.keys())):
                series, _, sigma = key.rpartition("@")
                _series(path, series).put(_level(sigma), _number(stored.get_tensor(key)))
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"The trajectory '{name}' cannot be opened ({reason}): check the path.") from error
    except (SafetensorError, ValueError) as error:
        raise InputError(f"'{name}' is damaged or no trajectory: invert the picture again, and save that.") from error
    return _checked(path, name)


def _checked_keys(keys: list[str]) -> list[str]:
    if len(keys) > _TENSORS:
        raise ValueError("more than a path has")
    return keys


def _level(text: str) -> float:
    sigma = float(text)
    if not isfinite(sigma) or not 0 <= sigma <= _SIGMA:
        raise ValueError("no level of noise")
    return sigma


def _number(value: Tensor) -> Tensor:
    if value.dtype not in _NUMBERS or not torch.isfinite(value).all():
        raise ValueError("no numbers")
    return value


def _all(path: Trajectory) -> dict[str, Series]:
    layers = {f"values.{name}": series for name, series in path.values.items()}
    return {"latents": path.latents, "velocities": path.velocities, **layers}


def _series(path: Trajectory, name: str) -> Series:
    if name in ("latents", "velocities"):
        return path.latents if name == "latents" else path.velocities
    found = _VALUES.fullmatch(name)
    if found is None or not int(found[1]) < int(found[2]):
        raise ValueError("nothing that a path records")
    return path.layer(name.removeprefix("values."))


def _checked(path: Trajectory, name: str) -> Trajectory:
    """A path from a picture up, in latents of one shape, and with what the model said on the way."""
    known = [*path.latents.values, *path.velocities.values]
    if len(path.latents.sigmas) < 2 or path.latents.sigmas[0] != 0 or path.velocities.sigmas[:1] != [0.0]:
        raise InputError(f"'{name}' is no trajectory from a picture up: invert the picture again, and save that.")
    if known[0].ndim != 4 or any(first.shape != second.shape for first, second in pairwise(known)):
        raise InputError(f"'{name}' holds latents of several shapes: it is damaged. Invert the picture again.")
    return path
