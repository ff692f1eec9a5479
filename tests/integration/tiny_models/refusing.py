"""Nodes for the tests alone: memory that runs out inside of our nodes, rung by rung of what they do about it."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from .precision import ours

MOST = 0.9
"""The share of what a rung takes at most at which it is refused more: far inside of its work."""


SMALL = 4096
"""Bytes below which nothing is counted: most operators make no more."""


class Allocator(TorchDispatchMode):
    """Counts the bytes of all that operators made and that is still there, and refuses to make more than allowed."""

    def __init__(self, allowed: float) -> None:
        super().__init__()
        self.allowed, self.now, self.peak = allowed, 0, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        made = func(*args, **(kwargs or {}))
        known = {each.untyped_storage()._cdata for each in args if isinstance(each, Tensor)}
        for each in (made,) if isinstance(made, Tensor) else tree_leaves(made):
            if isinstance(each, Tensor) and each.untyped_storage()._cdata not in known:
                self.count(each.untyped_storage())
        if self.now > self.allowed:
            # Once: what is tidied up afterwards is let be.
            self.allowed = float("inf")
            raise torch.OutOfMemoryError("Allocation on device: refused by a test.")
        return made

    def count(self, storage: Any) -> None:
        if (size := storage.nbytes()) >= SMALL:
            self.now += size
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self.gone, size)

    def gone(self, size: int) -> None:
        self.now -= size


class Rungs:
    """The ladder of our nodes, whose first `refused` rungs get less than they were seen to take."""

    def __init__(self, ladder: Any, name: str, refused: int) -> None:
        self.ladder, self.name, self.refused = ladder, name, refused
        self.walks: list[tuple[int, int]] = []
        """Of each walk, at which rung it began and at which it ended."""

    def __iter__(self) -> Iterator[Any]:
        walk = len(self.walks)
        self.walks.append((len(self.ladder), 0))
        for rung, economy in enumerate(self.ladder):
            key, (began, _) = (self.name, walk, rung), self.walks[walk]
            with Allocator(MOST * TAKEN[key] if rung < self.refused else float("inf")) as allocator:
                try:
                    yield economy
                finally:
                    # Where a rung is stepped over, nothing is computed.
                    self.walks[walk] = (min(began, rung) if allocator.peak else began, rung)
                    if rung == self.refused:
                        TAKEN[key] = allocator.peak


TAKEN: dict[tuple[str, int, int], int] = {}
"""Bytes that each rung of each walk of a prompt took at most."""
BEFORE: dict[str, Any] = {}


class TinyRefuse:
    """From here on memory runs out in so many rungs of each walk; the prompt has to have been run with fewer before.
    Without a name all is as it was."""

    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "tests", "refuse", ("MODEL",), True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        given = {"name": ("STRING", {"default": ""}), "rungs": ("INT", {"default": 0})}
        return {"required": given, "optional": {"model": ("MODEL",)}}

    def refuse(self, name: str, rungs: int, model: Any = None) -> tuple[Any]:
        economy, decoding = ours("nodes.adapters.memory"), ours("nodes.adapters.vae")
        before = BEFORE.setdefault("ladder", economy.LADDER), BEFORE.setdefault("tiles", decoding.decode_in_tiles)
        economy.LADDER, decoding.decode_in_tiles = before
        if name:
            # Several of them, in pictures of 128 pixels.
            economy.LADDER, decoding.decode_in_tiles = Rungs(before[0], name, rungs), partial(before[1], side=12)
        return (model,)


class TinyRefused:
    """At which rung each walk began and ended, and what the last took at most."""

    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "tests", "tell", (), True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"image": ("IMAGE",)}}

    def tell(self, image: Any) -> dict[str, Any]:
        rungs = ours("nodes.adapters.memory").LADDER
        walks = enumerate(rungs.walks)
        said = [f"{began} {ended} {TAKEN[rungs.name, walk, ended]}" for walk, (began, ended) in walks]
        return {"ui": {"text": said}}


NODE_CLASS_MAPPINGS = {"TinyRefuse": TinyRefuse, "TinyRefused": TinyRefused}
