"""What to do when memory runs out: again with blocks that are computed twice, then in tiles, then say so."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch

from ...core.errors import ModelError

log = logging.getLogger("faceveil")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Economy:
    """How memory is saved."""

    checkpointed: bool = False
    """Blocks of networks keep nothing for the gradient and are computed again."""
    tiled: bool = False
    """Latents are decoded piece by piece."""


PLAIN = Economy()
LADDER = (PLAIN, Economy(checkpointed=True), Economy(checkpointed=True, tiled=True))


def with_less_memory(work: Callable[[Economy], Result], free: Callable[[], None] = lambda: None) -> Result:
    """What `work` gives, begun again more sparingly each time memory runs out; `free` is called in between."""
    for economy in LADDER:
        try:
            return work(economy)
        except torch.OutOfMemoryError:
            log.warning("FaceVeil: memory ran out; trying again with %s.", _next(economy))
        # Outside of the handler, which would keep all that the failed attempt held.
        free()
    raise ModelError(
        "Memory ran out, even with everything computed in small pieces. Use a smaller picture or size, fewer "
        "recognisers, or a model with smaller weights (fp8)."
    )


def _next(economy: Economy) -> str:
    if not economy.checkpointed:
        return "blocks computed twice"
    return "tiles" if not economy.tiled else "nothing: there is no more sparing way"
