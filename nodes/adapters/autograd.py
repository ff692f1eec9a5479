"""Networks that ComfyUI loaded, made fit for gradients without copying a weight. No ComfyUI import."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def make_differentiable(network: nn.Module) -> None:
    """Replace every inference tensor by an ordinary, frozen one over the same memory.

    ComfyUI loads in inference mode, and autograd refuses what was made there. To be done after every
    load, for a move to another device under inference mode undoes it; doing it twice changes nothing.
    """
    made: dict[int, nn.Parameter] = {}
    with torch.inference_mode(False):
        for module in network.modules():
            for name, weight in module._parameters.items():
                if weight is None:
                    continue
                if _unusable(weight):
                    # One stand-in a tensor, so that tied weights stay tied.
                    made.setdefault(id(weight), nn.Parameter(_ordinary(weight), requires_grad=False))
                    module._parameters[name] = made[id(weight)]
                else:
                    weight.requires_grad_(False)
            for name, buffer in module._buffers.items():
                if buffer is not None and _unusable(buffer):
                    module._buffers[name] = _ordinary(buffer)


def _unusable(tensor: Tensor) -> bool:
    """Inference tensors, and those whose data was swapped for one: only the version counter tells the latter."""
    if tensor.is_inference():
        return True
    try:
        _ = tensor._version
    except RuntimeError:
        return True
    return False


def _ordinary(tensor: Tensor) -> Tensor:
    alias = torch.empty(0, dtype=tensor.dtype, device=tensor.device)
    return alias.set_(tensor.untyped_storage(), tensor.storage_offset(), tensor.size(), tensor.stride())
