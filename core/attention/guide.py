"""How far a model's self-attention moved from where it was while nothing was changed: it holds a face's structure.

The self-attention guidance of "Enhancing Facial Privacy Protection via Weakening Diffusion Purification" (Salar et al.,
CVPR 2025, arXiv 2503.10350): over all layers and steps, the mean squared difference of the two branches' maps. The
unchanged branch is listened to once and remembered; nothing of it is computed again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ..errors import InputError, ModelError
from .listening import Listening

FORMS = ("full", "light")
"""`full` compares attention maps, as published: mean squared difference, summed over layers. `light` compares what
attention gives out: its mean squared difference in units of its own mean square, averaged over layers."""

_AT_ONCE = 1 << 22
"""Entries of attention maps that exist at a time; larger maps are compared in parts and made again for the gradient."""


@dataclass
class Change:
    """What came of one comparison; complete when its context has ended."""

    total: Tensor


class AttentionGuide:
    """Remembers the unchanged branch's attention, step by step, and compares others with it."""

    def __init__(self, form: str = "light", keep: int = 1 << 18) -> None:
        """`keep`: how many numbers the light form keeps of a layer, step and picture; of more, evenly spaced tokens."""
        if form not in FORMS:
            raise InputError(f"There is no form of attention '{form}'. Choose one of: {', '.join(FORMS)}.")
        self.form, self.keep = form, keep
        self.known: dict[int, list[tuple[Tensor, ...]]] = {}

    @contextmanager
    def remembering(self, step: int) -> Iterator[None]:
        """Keep what the model attends to inside: the unchanged branch at this step."""
        kept = self.known[step] = []
        with Listening(lambda q, k, out: kept.append(tuple(part.detach() for part in self._of_interest(q, k, out)))):
            yield
        if not kept:
            raise ModelError(
                "This model's self-attention cannot be heard, so it cannot hold the face's structure. "
                "Use a model with PyTorch's own attention, or weigh the term 'attention' with 0."
            )

    @contextmanager
    def comparing(self, step: int, rows: Tensor) -> Iterator[Change]:
        """What the pictures `rows` attend to inside against what was remembered of them: one number for each."""
        recorded: list[tuple[Tensor, ...]] = []
        change = Change(torch.zeros(len(rows)))
        with Listening(lambda q, k, out: recorded.append(self._of_interest(q, k, out))):
            yield change
        # Only after the model has run: blocks that are computed again for their gradient are not listened to then, and
        # have to do exactly what they did before.
        for now, known in zip(recorded, self.known[step], strict=True):
            before = [part[rows.to(part.device)] for part in known]
            added = map_change(*now, *before) if self.form == "full" else output_change(*now, *before)
            change.total = change.total.to(added) + added
        if self.form == "light":
            change.total = change.total / len(self.known[step])

    def _of_interest(self, q: Tensor, k: Tensor, out: Tensor) -> tuple[Tensor, ...]:
        if self.form == "full":
            return q, k
        # A copy, for a view would keep the whole layer in memory.
        return (out[..., :: -(-out[0].numel() // self.keep), :].clone(),)


def output_change(now: Tensor, before: Tensor) -> Tensor:
    """Mean square of the change (A,) as a share of the mean square there was."""
    every = tuple(range(1, now.ndim))
    now, before = exact(now), exact(before)
    return (now - before).square().mean(every) / before.square().mean(every).clamp_min(1e-12)


def map_change(q: Tensor, k: Tensor, q_before: Tensor, k_before: Tensor) -> Tensor:
    """Mean squared difference (A,) of two attention maps, of which only a part exists at a time."""
    rows, heads, tokens, _ = q.shape
    part = max(1, _AT_ONCE // (rows * heads * tokens))
    if part >= tokens:
        return _squares(q, k, q_before, k_before) / (heads * tokens**2)
    total = torch.zeros(rows, device=q.device)
    for first in range(0, tokens, part):
        inputs = (q[..., first : first + part, :], k, q_before[..., first : first + part, :], k_before)
        total = total + checkpoint(_squares, *inputs, use_reentrant=False)
    return total / (heads * tokens**2)


def _squares(q: Tensor, k: Tensor, q_before: Tensor, k_before: Tensor) -> Tensor:
    return (_map(q, k) - _map(q_before, k_before)).square().sum((1, 2, 3))


def exact(part: Tensor) -> Tensor:
    """In float32 at least, in which the square of a small change is not 0."""
    return part.to(torch.promote_types(part.dtype, torch.float32))


def _map(q: Tensor, k: Tensor) -> Tensor:
    q, k = exact(q), exact(k)
    products = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
    return products.softmax(-1)
