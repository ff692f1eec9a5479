"""Classifiers trained on embeddings of photos, with the recogniser as it is: a linear one, one with a random hidden
layer, and one whose hidden layer is trained as well."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

Learner = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Embeddings (N, dim) and names (N,) as numbers to learn from, embeddings (M, dim) to name; guesses (M,)."""
_RIDGE = 1e-2
_HIDDEN = 512
_TRAINED, _STEPS, _SHRINKING = 64, 50, 1e-3
"""Hidden units, iterations at most, and what weights cost: a few photos of each person train no more."""


def linear(train: Tensor, names: Tensor, test: Tensor) -> Tensor:
    """Ridge regression onto one-hot names."""
    wanted = F.one_hot(names).double()
    inputs = torch.cat([train, train.new_ones(len(train), 1)], 1).double()
    kernel = inputs @ inputs.T + _RIDGE * torch.eye(len(train), dtype=torch.float64)
    weights = inputs.T @ torch.linalg.solve(kernel, wanted)
    return (torch.cat([test, test.new_ones(len(test), 1)], 1).double() @ weights).argmax(1)


def head(train: Tensor, names: Tensor, test: Tensor) -> Tensor:
    """Ridge regression on the embedding and a random hidden layer: not linear, and still in closed form."""
    draw = torch.Generator().manual_seed(0)
    weights = torch.randn(train.shape[1], _HIDDEN, generator=draw) / (_HIDDEN / 2) ** 0.5

    def seen(faces: Tensor) -> Tensor:
        return torch.cat([faces, F.relu(faces.float() @ weights)], 1)

    return linear(seen(train), names, seen(test))


def trained(train: Tensor, names: Tensor, test: Tensor) -> Tensor:
    """A hidden layer and an output, both trained until little is gained: what is fine-tuned on a frozen recogniser.

    Embeddings are brought to their own mean and spread first, for some networks' lie close together.
    """
    with torch.inference_mode(False), torch.enable_grad():
        middle, spread = train.mean(0), train.std(unbiased=False).clamp_min(1e-6)
        known, unknown = ((faces - middle).div(spread).clone() for faces in (train, test))
        draw = torch.Generator().manual_seed(0)
        shapes = (known.shape[1], _TRAINED), (1, _TRAINED), (_TRAINED, int(names.max()) + 1)
        layers = [(torch.randn(shape, generator=draw) / shape[0] ** 0.5).requires_grad_() for shape in shapes]

        def answers(faces: Tensor) -> Tensor:
            return torch.tanh(faces @ layers[0] + layers[1]) @ layers[2]

        descent = torch.optim.LBFGS(layers, max_iter=_STEPS, tolerance_grad=1e-4, line_search_fn="strong_wolfe")

        def loss() -> Tensor:
            descent.zero_grad()
            weight = sum(layer.square().sum() for layer in layers)
            total = F.cross_entropy(answers(known), names) + _SHRINKING * weight
            total.backward()
            return total

        descent.step(loss)
        return answers(unknown).argmax(1)


LEARNERS: Mapping[str, Learner] = {"linear": linear, "head": head, "trained": trained}


def named_right(train: Tensor, names: Tensor, test: Tensor, truth: Tensor, learner: Learner = linear) -> float:
    """The share of `test` whose person the learner names."""
    return float((learner(train, names, test) == truth).double().mean())
