"""What the ONNX operator tables share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from ..errors import ModelError

Attributes = Mapping[str, Any]
Operator = Callable[..., Any]
Builder = Callable[[Attributes], Operator]


def whole_numbers(value: Any) -> list[int]:
    """Whole numbers from an attribute or from a tensor input."""
    return [int(v) for v in (value.flatten().tolist() if isinstance(value, Tensor) else value)]


def one_of(kind: str, setting: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise ModelError(
            f"The operator {kind} with {setting} '{value}' is not supported here (only {', '.join(known)})."
        )
    return value


def on_one_device(*values: Tensor) -> tuple[Tensor, ...]:
    """Shape arithmetic stays on the CPU; where its results meet pictures, they follow them."""
    device = next((value.device for value in values if value.device.type != "cpu"), None)
    return values if device is None else tuple(value.to(device) for value in values)


def simple(function: Operator) -> Builder:
    return lambda attributes: function


def across_devices(function: Operator) -> Builder:
    """For operators whose inputs may come from both sides."""
    return lambda attributes: lambda *values: function(*on_one_device(*values))
