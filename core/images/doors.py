"""Checks of tensors that others made: 0 to 255 instead of 0 to 1 would go through every step, and wreck the face."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import InputError

SLACK = 1e-3
"""How far rounding may lead beyond [0, 1]: a quarter of a step of eight bits."""
Form = tuple[int | str, ...]
"""A tensor's shape: sizes, and names in place of those that may be any."""

PIXELS: Form = (1, "height", "width", 3)
PICTURE: Form = (1, 3, "height", "width")
MASKS: Form = ("masks", "height", "width")
PICTURE_MASK: Form = (1, 1, "height", "width")


def refuse_unfit(values: object, what: str, form: Form) -> None:
    """Refuse a tensor that is not what later code takes for granted: type, shape, dtype, range. `what` names it ("A
    mask")."""
    kind = f"{tuple(values.shape)} of {values.dtype}" if isinstance(values, Tensor) else f"a {type(values).__name__}"
    if not (isinstance(values, Tensor) and values.dtype == torch.float32 and values.numel() and _fits(values, form)):
        raise InputError(
            f"{what} must be a tensor ({', '.join(map(str, form))}) of torch.float32 in [0, 1], but this is {kind}: "
            "convert it first, whole numbers by .float() / 255."
        )
    # In the order in which they lie in memory: in the other one a large photo takes twenty times as long.
    channels_first = values.ndim == 4 and not values.is_contiguous()
    lowest, highest = (values.movedim(-1, 1) if channels_first else values).aminmax()
    if not (lowest >= -SLACK and highest <= 1 + SLACK):
        raise InputError(
            f"{what} must lie in [0, 1], but these go from {float(lowest):.4g} to {float(highest):.4g}: divide values "
            "up to 255 by 255, and clamp what a network made."
        )


def _fits(values: Tensor, form: Form) -> bool:
    return values.ndim == len(form) and all(
        isinstance(f, str) or s == f for s, f in zip(values.shape, form, strict=True)
    )


def ordinary(tensor: Tensor) -> Tensor:
    """The tensor, or a copy of one that was made in inference mode and can take no gradient."""
    return tensor.clone() if tensor.is_inference() else tensor
