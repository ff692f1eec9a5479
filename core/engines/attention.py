"""Hearing what a model attends to, whichever library it lives in and without touching it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

Heard = Callable[[Tensor, Tensor, Tensor], None]
"""Told the queries and keys (B, heads, tokens, size) of one self-attention, as they are multiplied, and its output."""


class Listening(TorchFunctionMode):
    """`with Listening(heard): model(...)` tells `heard` of every self-attention, in the order of the layers.

    All of them go through PyTorch's own function: our Flux, diffusers' models, ComfyUI's with PyTorch attention.
    """

    def __init__(self, heard: Heard) -> None:
        super().__init__()
        self.heard = heard

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        named = kwargs or {}
        out = func(*args, **named)
        if func is F.scaled_dot_product_attention:
            given = {**dict(zip(("query", "key"), args, strict=False)), **named}
            if given["query"].shape == given["key"].shape:
                self.heard(given["query"], given["key"], out)
        return out
