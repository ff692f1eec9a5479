"""Recording a model's self-attention and replacing its values, whichever library the model is from, without changing
it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

Recorder = Callable[[Tensor, Tensor, Tensor], None]
"""Given the queries and keys (B, heads, tokens, size) of one self-attention, as they are multiplied, and its output."""
Values = Callable[[Tensor], Tensor]
"""Given the values (B, heads, tokens, size) of one self-attention; hands back those to use."""
_NAMES = ("query", "key", "value")


class Listening(TorchFunctionMode):
    """`with Listening(record): model(...)` hands `record` every self-attention, in the order of the layers.

    All of them go through PyTorch's own function: our Flux, diffusers' models, ComfyUI's with PyTorch attention.
    """

    def __init__(self, record: Recorder | None = None, values: Values | None = None) -> None:
        super().__init__()
        self.record, self.values = record, values

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is not F.scaled_dot_product_attention:
            return func(*args, **(kwargs or {}))
        named = {**dict(zip(_NAMES, args, strict=False)), **(kwargs or {})}
        query, key, value = (named.pop(name) for name in _NAMES)
        own = _without_heads(query) == _without_heads(key)
        if own and self.values:
            value = self.values(value)
        out = func(query, key, value, *args[len(_NAMES) :], **named)
        if own and self.record:
            # In grouped-query attention several heads share a key.
            shared = query.shape[1] // key.shape[1]
            self.record(query, key.repeat_interleave(shared, 1) if shared > 1 else key, out)
        return out


def _without_heads(part: Tensor) -> tuple[int, ...]:
    """The shape without the heads: there may be fewer of keys than of queries."""
    return part.shape[0], *part.shape[2:]
