"""Hearing what a model attends to, and giving it other values: whichever library it lives in, without touching it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

Heard = Callable[[Tensor, Tensor, Tensor], None]
"""Told the queries and keys (B, heads, tokens, size) of one self-attention, as they are multiplied, and its output."""
Values = Callable[[Tensor], Tensor]
"""Given the values (B, heads, tokens, size) of one self-attention; hands back those to use."""
_NAMES = ("query", "key", "value")


class Listening(TorchFunctionMode):
    """`with Listening(heard): model(...)` tells `heard` of every self-attention, in the order of the layers.

    All of them go through PyTorch's own function: our Flux, diffusers' models, ComfyUI's with PyTorch attention.
    """

    def __init__(self, heard: Heard | None = None, values: Values | None = None) -> None:
        super().__init__()
        self.heard, self.values = heard, values

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if func is not F.scaled_dot_product_attention:
            return func(*args, **(kwargs or {}))
        named = {**dict(zip(_NAMES, args, strict=False)), **(kwargs or {})}
        query, key, value = (named.pop(name) for name in _NAMES)
        own = query.shape == key.shape
        if own and self.values:
            value = self.values(value)
        out = func(query, key, value, *args[len(_NAMES) :], **named)
        if own and self.heard:
            self.heard(query, key, out)
        return out
