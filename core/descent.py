"""Steps down a gradient: Adam, AdamW, and signed momentum.

torch has them, to the same bits; but the first of `torch.optim` that is made loads a compiler, which takes longer than
a second in every process.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

_EPSILON, _DECAY = 1e-8, 0.01


class Adam:
    """Kingma and Ba's; with decay Loshchilov and Hutter's AdamW."""

    def __init__(self, groups: Iterable[tuple[Tensor, float]], betas: tuple[float, float], decay: float = 0.0) -> None:
        self.groups, self.betas, self.decay = list(groups), betas, decay
        self.moments = [[torch.zeros_like(parameter) for _ in betas] for parameter, _ in self.groups]
        self.taken = [0] * len(self.groups)

    @torch.no_grad()
    def step(self) -> None:
        first, second = self.betas
        for index, (parameter, rate) in enumerate(self.groups):
            if parameter.grad is None:
                continue
            self.taken[index] += 1
            mean, square = self.moments[index]
            parameter.mul_(1 - rate * self.decay)
            mean.lerp_(parameter.grad, 1 - first)
            square.mul_(second).addcmul_(parameter.grad, parameter.grad, value=1 - second)
            spread = (square.sqrt() / (1 - second ** self.taken[index]) ** 0.5).add_(_EPSILON)
            parameter.addcdiv_(mean, spread, value=-rate / (1 - first ** self.taken[index]))


class SignDescent:
    """Along the sign of a momentum of L1-normalised gradients (MI-FGSM); momentum 0 is plain PGD."""

    def __init__(self, groups: Iterable[tuple[Tensor, float]], momentum: float) -> None:
        self.groups, self.momentum = list(groups), momentum
        self.moments = [torch.zeros_like(parameter) for parameter, _ in self.groups]

    @torch.no_grad()
    def step(self) -> None:
        for (parameter, rate), moment in zip(self.groups, self.moments, strict=True):
            if parameter.grad is None:
                continue
            size = parameter.grad.abs().flatten(1).mean(1).clamp_min(1e-20)
            moment.mul_(self.momentum).add_(parameter.grad / size.view(-1, *[1] * (parameter.ndim - 1)))
            parameter.sub_(rate * moment.sign())


def descent(groups: Iterable[tuple[Tensor, float]], method: str, betas: tuple[float, float]) -> Adam | SignDescent:
    """By a recipe's name for it: "adam", "adamw" or "sign"."""
    match method:
        case "adam":
            return Adam(groups, betas)
        case "adamw":
            return Adam(groups, betas, _DECAY)
        case "sign":
            return SignDescent(groups, betas[0])
    raise ValueError(f"unknown method {method!r}")
