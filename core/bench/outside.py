"""A judge that is no network of ours: a Python function that compares two pictures, such as a caller of a service.

Nothing here calls a service; whoever has a key writes the function and names it.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from torch import Tensor

from ..errors import InputError, ModelError
from ..images import read_photo, to_bchw, to_bhwc, to_uint8
from .rows import POSTED, Row

Compare = Callable[[np.ndarray, np.ndarray], float]
"""Two pictures (H, W, 3), uint8 RGB, to how alike their faces are."""


@dataclass(frozen=True)
class OutsideJudge:
    """Its `thresholds`, false-accept rate to similarity, are an attribute of the function; without, nothing counts."""

    name: str
    compare: Compare
    thresholds: dict[str, float] = field(default_factory=dict)

    def row(
        self, before: Tensor, after: Tensor, gallery: Tensor, copies: Mapping[str, Callable[[Tensor], Tensor]]
    ) -> Row:
        other = _pixels(gallery)
        seen = {name: make(after) for name, make in {"plain": lambda picture: picture, **copies}.items()}
        return {
            "name": self.name,
            "family": self.name,
            "role": "judge",
            "thresholds": self.thresholds,
            "before": self._ask(_pixels(before), other),
            "after": {name: self._ask(_pixels(copy), other) for name, copy in seen.items()},
        }

    def searched(
        self, after: Tensor, others: Mapping[str, Path], copies: Mapping[str, Callable[[Tensor], Tensor]]
    ) -> Row:
        """A search's row: how alike a protected photo and its JPEG are to every other photo, and nothing more.

        Every number is a call, and a service has a price.
        """
        shown = {"plain": after, POSTED: copies[POSTED](after)}
        return {
            "name": self.name,
            "family": self.name,
            "role": "judge",
            "thresholds": self.thresholds,
            "alike": {copy: self.alike(picture, others) for copy, picture in shown.items()},
        }

    def alike(self, picture: Tensor, others: Mapping[str, Path]) -> dict[str, float]:
        """One photo with others, by their names."""
        own = _pixels(picture)
        return {name: self._ask(own, _pixels(to_bchw(read_photo(path).pixels))) for name, path in others.items()}

    def _ask(self, one: np.ndarray, other: np.ndarray) -> float:
        try:
            return float(self.compare(one, other))
        except Exception as error:
            raise ModelError(f"The judge '{self.name}' failed: {type(error).__name__}: {error}") from error


def _pixels(picture: Tensor) -> np.ndarray:
    return to_uint8(to_bhwc(picture.cpu()))[0].numpy()


def load_outside(entry: str) -> OutsideJudge:
    """From "FILE.py:FUNCTION" or "package.module:FUNCTION"."""
    where, _, name = entry.rpartition(":")
    if not where or not name:
        raise InputError(f"'{entry}' names no function: write FILE.py:FUNCTION or package.module:FUNCTION.")
    try:
        function = getattr(_module(where), name)
    except (ImportError, AttributeError, OSError, SyntaxError) as error:
        raise InputError(f"The judge '{entry}' cannot be loaded: {error}.") from error
    if not callable(function):
        raise InputError(f"'{entry}' is no function that compares two pictures.")
    return OutsideJudge(name, function, dict(getattr(function, "thresholds", {})))


def _module(where: str) -> object:
    path = Path(where)
    if path.suffix != ".py":
        return importlib.import_module(where)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"there is no {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
