"""How much memory a recogniser takes while it is asked with a gradient. No ComfyUI import."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...core.recognisers.judge import Judge
from ...core.recognisers.recogniser import Recogniser

FACES = 4
"""So many at once; more are rare, and where they do not fit nodes begin again more sparingly."""


def room_for(recogniser: Judge) -> int:
    """Bytes for its weights, and for what it keeps of faces until their gradient is known; by trying it with one.

    Networks differ too much for a rule: 144 bytes a pixel of the crop for dlib's, 2000 for a MobileFaceNet.
    """
    if not isinstance(recogniser, Recogniser) or not isinstance(recogniser.network, nn.Module):
        return 0
    network = recogniser.network
    weights = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in network.state_dict().values()}
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        if tensor.untyped_storage().data_ptr() not in weights:
            # Kept alive, so that no other tensor takes its place and its number.
            kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    size = recogniser.card.input_size
    where = next(network.parameters(), torch.empty(0)).device
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
    ):
        recogniser.embed(torch.full((1, 3, size, size), 0.5, device=where, requires_grad=True))
    return sum(weights.values()) + FACES * sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
