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
    """All values on one device: shape arithmetic stays on the CPU, and its results are moved to where pictures are."""
    device = next((value.device for value in values if value.device.type != "cpu"), None)
    return values if device is None else tuple(value.to(device) for value in values)


def simple(function: Operator) -> Builder:
    """A builder for an operator without attributes."""
    return lambda attributes: function


def across_devices(function: Operator) -> Builder:
    """A builder for an operator whose inputs may lie on two devices (`on_one_device`)."""
    return lambda attributes: lambda *values: function(*on_one_device(*values))
