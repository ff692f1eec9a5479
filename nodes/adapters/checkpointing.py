"""Gradients with little memory: a network's blocks keep nothing and are computed again. No ComfyUI import."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


@contextmanager
def checkpointed(*networks: nn.Module) -> Iterator[None]:
    """Exact gradients through networks whose blocks may change their inputs in place.

    A block that is computed again has to see what it saw before: it works on copies, and so do its norms, which
    keep their input while later lines of the block change it. Without either, Flux's gradients are silently wrong.
    """
    wrapped, hooks = [], []
    try:
        for network in networks:
            for block in blocks_of(network):
                block.forward = _again(block.forward)
                wrapped.append(block)
            for norm in network.modules():
                if isinstance(norm, nn.LayerNorm):
                    hooks.append(norm.register_forward_pre_hook(lambda _, given: (given[0].clone(), *given[1:])))
        yield
    finally:
        for block in wrapped:
            del block.forward
        for hook in hooks:
            hook.remove()


def blocks_of(network: nn.Module) -> list[nn.Module]:
    """The largest parts that compute something: what containers hold, and folders that are never called themselves."""
    found = []
    for part in network.children():
        folder = type(part).forward is nn.Module.forward
        if isinstance(part, (nn.ModuleList, nn.ModuleDict, nn.Sequential)) or folder:
            found += blocks_of(part)
        elif any(True for _ in part.children()):
            found.append(part)
    return found


def _again(forward: Any) -> Any:
    def on_copies(given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        return forward(*map(_copy, given), **{name: _copy(value) for name, value in named.items()})

    def computed(*given: Any, **named: Any) -> Any:
        if not torch.is_grad_enabled():
            return forward(*given, **named)
        return checkpoint(on_copies, given, named, use_reentrant=False)

    return computed


def _copy(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) and value.is_floating_point() else value
