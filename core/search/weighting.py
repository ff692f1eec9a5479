"""How much identity counts against visibility, from one iteration to the next.

`weight(progress, perceptual)`: progress runs from 0 to 1, perceptual is how visible the change
is now, one number per face. The identity term is multiplied by the result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Protocol, Self

import torch
from torch import Tensor


class Weighting(Protocol):
    def weight(self, progress: float, perceptual: Tensor) -> Tensor:
        """The identity term's weight, one per face."""

    def content(self, perceptual: Tensor) -> Tensor:
        """Whether a face this visible may count as won."""

    def fresh(self) -> Weighting:
        """One that has seen nothing yet."""


@dataclass(frozen=True)
class _Unlimited:
    """Schedules that accept any visibility."""

    def content(self, perceptual: Tensor) -> Tensor:
        return torch.ones_like(perceptual, dtype=torch.bool)

    def fresh(self) -> Self:
        return self


@dataclass(frozen=True)
class Constant(_Unlimited):
    """The same weight throughout."""

    value: float = 1.0

    def weight(self, progress: float, perceptual: Tensor) -> Tensor:
        return torch.full_like(perceptual, self.value)


@dataclass(frozen=True)
class Linear(_Unlimited):
    """From one weight to another over the run."""

    start: float = 1.0
    end: float = 0.1

    def weight(self, progress: float, perceptual: Tensor) -> Tensor:
        return torch.full_like(perceptual, self.start + (self.end - self.start) * progress)


@dataclass(frozen=True)
class Sigmoid(_Unlimited):
    """Flux-Guard's adaptive weight (Wang et al., arXiv 2606.17606): low + (high - low) * sigmoid(-steepness * (L_perc -
    limit)). Identity rules while the picture is close, and fades as distortion nears the limit."""

    low: float = 0.05
    high: float = 1.0
    steepness: float = 20.0
    limit: float = 0.3

    def weight(self, progress: float, perceptual: Tensor) -> Tensor:
        return self.low + (self.high - self.low) * torch.sigmoid(-self.steepness * (perceptual - self.limit))


@dataclass
class Budget:
    """Holds visibility at a budget: the weight grows while there is room and shrinks beyond it.

    A controller with memory (integral control of the log-weight): unlike the sigmoid it finds the
    weight that spends exactly the budget, whatever the scale of the terms. One instance serves
    one run.
    """

    budget: float
    gain: float = 0.2
    low: float = 1e-3
    high: float = 1e3
    log_weight: Tensor | None = field(default=None, init=False, repr=False)

    def weight(self, progress: float, perceptual: Tensor) -> Tensor:
        if self.log_weight is None or self.log_weight.shape != perceptual.shape:
            self.log_weight = torch.zeros_like(perceptual)
        room = ((self.budget - perceptual) / self.budget).clamp(-2, 1)
        self.log_weight = (self.log_weight + self.gain * room).clamp(math.log(self.low), math.log(self.high))
        return self.log_weight.exp()

    def content(self, perceptual: Tensor) -> Tensor:
        return perceptual <= self.budget * 1.02

    def fresh(self) -> Budget:
        return replace(self)
