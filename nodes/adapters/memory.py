"""What to do when memory runs out, and how much of it a recogniser takes. No ComfyUI import.

Work begins again with blocks that are computed twice, then in tiles, and then says that nothing is left to try.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from itertools import dropwhile
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ...core.errors import ModelError
from ...core.recognisers.judge import Judge
from ...core.recognisers.recogniser import Recogniser

log = logging.getLogger("faceveil")
Result = TypeVar("Result")
FACES = 4
"""Faces that room is made for; more are rare, and where they do not fit, nodes begin again with less memory."""


@dataclass(frozen=True)
class Economy:
    """How memory is saved."""

    checkpointed: bool = False
    """Blocks of networks keep nothing for the gradient and are computed again."""
    tiled: bool = False
    """Latents are decoded piece by piece."""


PLAIN = Economy()
LADDER = (PLAIN, Economy(checkpointed=True), Economy(checkpointed=True, tiled=True))


def with_less_memory(
    work: Callable[[Economy], Result], free: Callable[[], None] = lambda: None, first: Economy = PLAIN
) -> Result:
    """What `work` gives, begun again more sparingly each time memory runs out; `free` is called in between.

    `first` is what to begin with: of many pieces of one size, what the last one came to, for less will not do again.
    """
    for economy in dropwhile(lambda each: each != first, LADDER):
        try:
            return work(economy)
        except torch.OutOfMemoryError:
            if not economy.tiled:
                further = "tiles" if economy.checkpointed else "blocks computed twice"
                log.warning("FaceVeil: memory ran out; trying again with %s.", further)
        # Outside of the handler, which would keep all that the failed attempt held.
        free()
    raise ModelError(
        "Memory ran out, even with everything computed in small pieces. Use a smaller picture or size, fewer "
        "recognisers, or a model with smaller weights (fp8)."
    )


def decode_in_tiles(
    decode: Callable[[Tensor], Tensor], latent: Tensor, multiple: int, side: int = 32, overlap: int = 8
) -> Tensor:
    """`decode(latent)`, in tiles of `side` cells whose rims are blended; of each, only the input is kept."""
    height, width = latent.shape[-2:]
    total: Tensor | None = None
    for top in starts(height, side, overlap):
        for left in starts(width, side, overlap):
            tile = latent[..., top : top + side, left : left + side]
            picture = checkpoint(decode, tile, use_reentrant=False)
            share = ramp(tile.shape[-2], overlap, multiple)[:, None] * ramp(tile.shape[-1], overlap, multiple)
            share = share.to(picture)
            if total is None:
                total = picture.new_zeros(*picture.shape[:2], height * multiple, width * multiple)
                weight = picture.new_zeros(height * multiple, width * multiple)
            rows = slice(top * multiple, top * multiple + picture.shape[-2])
            columns = slice(left * multiple, left * multiple + picture.shape[-1])
            total[..., rows, columns] += picture * share
            weight[rows, columns] += share
    return total / weight


def starts(length: int, side: int, overlap: int) -> list[int]:
    """Where tiles begin, so that all of `length` is covered and the last one ends with it."""
    if length <= side:
        return [0]
    return [*range(0, length - side, side - overlap), length - side]


def ramp(cells: int, overlap: int, multiple: int) -> Tensor:
    """How much each pixel of a tile counts: less towards its ends, never nothing."""
    pixels = torch.arange(cells * multiple) + 0.5
    return (torch.minimum(pixels, cells * multiple - pixels) / (overlap * multiple)).clamp(max=1.0)


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
