"""Classifiers that somebody trains on embeddings of photos: a linear one, and a small head that may bend."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

Learner = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Embeddings (N, dim) and names (N,) as numbers to learn from, embeddings (M, dim) to name; guesses (M,)."""
_RIDGE = 1e-2
_WIDTH, _ROUNDS = 64, 80


def linear(train: Tensor, names: Tensor, test: Tensor) -> Tensor:
    """Ridge regression onto one-hot names."""
    wanted = F.one_hot(names).double()
    inputs = torch.cat([train, train.new_ones(len(train), 1)], 1).double()
    kernel = inputs @ inputs.T + _RIDGE * torch.eye(len(train), dtype=torch.float64)
    weights = inputs.T @ torch.linalg.solve(kernel, wanted)
    return (torch.cat([test, test.new_ones(len(test), 1)], 1).double() @ weights).argmax(1)


def head(train: Tensor, names: Tensor, test: Tensor) -> Tensor:
    """A hidden layer beside the embedding itself, tuned by Adam; the same photos give the same head."""
    classes, dim = int(names.max()) + 1, train.shape[1]
    draw = torch.Generator().manual_seed(0)

    def weights(rows: int, columns: int) -> Tensor:
        return (torch.randn(rows, columns, generator=draw) / columns**0.5).requires_grad_()

    with torch.inference_mode(False), torch.enable_grad():
        train, test = train.clone().float(), test.clone().float()
        hidden, out, straight = weights(_WIDTH, dim), weights(classes, _WIDTH), weights(classes, dim)
        optimiser = torch.optim.Adam([hidden, out, straight], lr=0.02, weight_decay=1e-3)
        for _ in range(_ROUNDS):
            optimiser.zero_grad()
            F.cross_entropy(F.relu(train @ hidden.T) @ out.T + 8 * train @ straight.T, names).backward()
            optimiser.step()
        with torch.no_grad():
            return (F.relu(test @ hidden.T) @ out.T + 8 * test @ straight.T).argmax(1)


LEARNERS: Mapping[str, Learner] = {"linear": linear, "head": head}


def named_right(train: Tensor, names: Tensor, test: Tensor, truth: Tensor, learner: Learner = linear) -> float:
    """The share of `test` whose person the learner names."""
    return float((learner(train, names, test) == truth).double().mean())
