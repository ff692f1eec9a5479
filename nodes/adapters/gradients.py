"""Networks that ComfyUI loaded, made fit for gradients without copying a weight, and what they are given, copied.
No ComfyUI import.

With little memory their blocks keep nothing for the gradient and are computed again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from functools import cache
from types import FunctionType, MethodType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


@contextmanager
def differentiable(*networks: nn.Module, mutations: bool = True) -> Iterator[None]:
    """Forward and backward through networks that ComfyUI has loaded; not to be nested.

    Its Flux changes tensors in place that a gradient needs: `mutations` keeps what they were. Off where blocks
    are checkpointed, which protects them otherwise (`checkpointed`).
    """
    management: Any = sys.modules.get("comfy.model_management")
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for network in networks:
            make_differentiable(network)
        give_rope_a_gradient()
        if hasattr(management, "in_training"):
            # Newer versions leave out kernels without a gradient when told.
            stack.callback(setattr, management, "in_training", management.in_training)
            management.in_training = True
        if mutations:
            stack.enter_context(torch.autograd.graph.allow_mutation_on_saved_tensors())
        yield


def make_differentiable(network: nn.Module) -> None:
    """Replace every inference tensor by an ordinary, frozen one over the same memory.

    ComfyUI loads in inference mode, and autograd refuses what was made there. To be done after every
    load, for a move to another device under inference mode undoes it; doing it twice changes nothing.
    """
    made: dict[int, nn.Parameter] = {}
    with torch.inference_mode(False):
        for module in network.modules():
            for name, weight in module._parameters.items():
                if weight is None or _quantised(weight):
                    continue
                if _unusable(weight):
                    # One stand-in a tensor, so that tied weights stay tied.
                    made.setdefault(id(weight), _frozen(weight))
                    module._parameters[name] = made[id(weight)]
                else:
                    weight.requires_grad_(False)
            for name, buffer in module._buffers.items():
                if buffer is not None and not _quantised(buffer) and _unusable(buffer):
                    module._buffers[name] = _alias(buffer)


def ordinary(value: Any) -> Any:
    """Copies made outside of inference mode, of tensors and of what holds them; networks become fit where they are.

    What holds them may be a patch of another pack, an object that is called (IPAdapter's, InstantID's): what is held
    twice stays one. A method or a partial that holds one is left as it is.
    """
    made: dict[int, tuple[Any, Any]] = {}
    """By identity: the original, so that nothing else gets its identity, and the copy."""

    def fit(value: Any) -> Any:
        if id(value) in made:
            return made[id(value)][1]
        if _holds_tensors(value):
            fitting = copy(value)
            made[id(value)] = value, fitting  # before what it holds, which may lead back to it
            vars(fitting).update(fit(vars(value)))
            return fitting
        made[id(value)] = value, _fitting(value, fit)
        return made[id(value)][1]

    return fit(value)


def _holds_tensors(value: Any) -> bool:
    """An object that is called and has something of its own."""
    plain = type, nn.Module, FunctionType, MethodType
    return callable(value) and not isinstance(value, plain) and bool(getattr(value, "__dict__", {}))


def _fitting(value: Any, fit: Callable[[Any], Any]) -> Any:
    if isinstance(value, Tensor):
        with torch.inference_mode(False):
            return value.clone()
    if isinstance(value, dict):
        return {key: fit(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(fit(item) for item in value)
    if isinstance(getattr(value, "cond", None), Tensor) and hasattr(value, "_copy_with"):
        return value._copy_with(fit(value.cond))
    if isinstance(value, nn.Module):
        make_differentiable(value)
    return value


def foreign(network: nn.Module) -> bool:
    """Whether weights are tensors of another pack's making, as GGUF's, which turn into plain ones by a call that fails
    while mutations are watched: blocks have to be checkpointed instead."""
    plain = (Tensor, nn.Parameter)
    return any(type(weight) not in plain and not _quantised(weight) for weight in network.parameters())


def _quantised(tensor: Tensor) -> bool:
    """ComfyUI's own quantised tensors have no storage of their own, and are made plain whenever they are used."""
    return hasattr(tensor, "_qdata")


def _unusable(tensor: Tensor) -> bool:
    """Inference tensors, and those whose data was swapped for one: only the version counter tells the latter."""
    if tensor.is_inference():
        return True
    try:
        _ = tensor._version
    except RuntimeError:
        return True
    return False


def _alias(tensor: Tensor) -> Tensor:
    alias = torch.empty(0, dtype=tensor.dtype, device=tensor.device)
    alias.set_(tensor.untyped_storage(), tensor.storage_offset(), tensor.size(), tensor.stride())
    return alias if type(tensor) in (Tensor, nn.Parameter) else alias.as_subclass(type(tensor))


def _frozen(weight: Tensor) -> nn.Parameter:
    frozen = nn.Parameter(_alias(weight), requires_grad=False)
    # Other packs' quantised weights say in attributes how they are to be read.
    frozen.__dict__.update({key: value for key, value in vars(weight).items() if key != "_is_param"})
    return frozen


@cache
def give_rope_a_gradient() -> None:
    """ComfyUI's fused rotary embedding is registered without one: it is the rotation back."""
    if not hasattr(torch.ops, "comfy_kitchen"):
        return

    def keep(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.save_for_backward(inputs[-1])

    def both(ctx: Any, queries: Tensor | None, keys: Tensor | None) -> tuple[Tensor | None, ...]:
        (rotation,) = ctx.saved_tensors
        return *(None if grad is None else turned_back(grad, rotation) for grad in (queries, keys)), None

    def one(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return turned_back(grad, *ctx.saved_tensors), None

    for name, backward in (("apply_rope", both), ("apply_rope1", one)):
        if hasattr(torch.ops.comfy_kitchen, name):
            torch.library.register_autograd(f"comfy_kitchen::{name}", backward, setup_context=keep)


def turned_back(grad: Tensor, rotation: Tensor) -> Tensor:
    """The transpose of rotating pairs of channels by matrices (..., channels / 2, 2, 2)."""
    pairs = grad.to(rotation.dtype).reshape(*grad.shape[:-1], -1, 2, 1)
    return (rotation.transpose(-1, -2) @ pairs).reshape(grad.shape).to(grad)


@contextmanager
def checkpointed(*networks: nn.Module) -> Iterator[None]:
    """Exact gradients through networks whose blocks may change their inputs in place.

    A block that is computed again has to see what it saw before: it works on copies, and so do its norms, which
    keep their input while later lines of the block change it. Without either, Flux's gradients are silently wrong.
    """
    own: list[tuple[nn.Module, Any]] = []
    """Each block and the `forward` of its own that it had before, as a patch of another pack; None is its class's."""
    hooks = []
    try:
        for network in networks:
            for block in blocks_of(network):
                own.append((block, vars(block).get("forward")))
                block.forward = _again(block.forward)
            for norm in network.modules():
                if isinstance(norm, nn.LayerNorm):
                    hooks.append(norm.register_forward_pre_hook(lambda _, given: (given[0].clone(), *given[1:])))
        yield
    finally:
        for block, forward in reversed(own):
            del block.forward
            if forward is not None:
                block.forward = forward
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
        # ComfyUI writes into one dictionary of options from block to block; when computed again, a block has to find
        # its own number there, by which patches know where they are.
        given, named = (*map(_noted, given),), {name: _noted(value) for name, value in named.items()}
        return checkpoint(on_copies, given, named, use_reentrant=False)

    return computed


def _noted(value: Any) -> Any:
    return dict(value) if isinstance(value, dict) else value


def _copy(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) and value.is_floating_point() else value
