"""Weights that come with the package, smaller than float32."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor


def read_stored(path: Path) -> dict[str, Tensor]:
    """Quantised weights (integers with a scale, and perhaps a zero point, for each row or block of a row) as
    float32."""
    from safetensors.torch import load_file

    stored = load_file(path)
    return {key: _full(key, stored) for key in stored if not key.endswith((".scale", ".zero"))}


def _full(key: str, stored: dict[str, Tensor]) -> Tensor:
    value, scale, zero = stored[key], stored.get(f"{key}.scale"), stored.get(f"{key}.zero")
    if scale is None:
        return value
    rows = value.float().reshape(len(value), scale.numel() // len(value), -1)
    if zero is not None:
        rows = rows - zero.float()[..., None]
    return (rows * scale.reshape(*rows.shape[:2], 1)).reshape(value.shape)
