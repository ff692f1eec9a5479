"""The one interface to a face-recognition network: aligned crops in, unit embeddings out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError
from ..faces.face import Face
from .card import Card
from .judge import Crops, Limit


class Recogniser:
    """A network with its card. `embed` is differentiable in the crops unless the card's network is not."""

    def __init__(self, card: Card, network: Callable[[Tensor], Tensor], differentiable: bool = True) -> None:
        self.card = card
        self.network = network
        self.differentiable = differentiable
        if isinstance(network, torch.nn.Module):
            network.eval().requires_grad_(False)
            # Forward and backward of the built-in network take 0.6 of the time in this layout on a CPU.
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch forgot it

    def __repr__(self) -> str:
        return f"Recogniser({self.name})"

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def family(self) -> str:
        return self.card.family or self.card.name

    def threshold(self, far: str = "1e-2") -> float:
        """The cosine similarity above which this network says 'same person'."""
        return self.card.threshold(far)

    @property
    def spread(self) -> float:
        """A standard deviation of strangers' similarities, as the thresholds imply it."""
        return self.card.impostors()[1]

    def limit(self, far: str) -> Limit:
        """The threshold at this rate, or none where it was never measured."""
        return Limit(self.card.thresholds.get(far), far, self.card.thresholds_from)

    def see(self, image: Tensor, face: Face, crops: Crops) -> Sequence[Tensor]:
        """A face's embedding (dim,)."""
        return self.embed(crops(self.card.template, self.card.input_size)).unbind()

    def alike(self, one: Tensor, other: Tensor) -> float:
        """The cosine of two embeddings (dim,); rounding leads beyond 1, where no cosine is."""
        return float((one @ other).clamp(-1, 1))

    def nearest(self, own: Tensor, rows: Sequence[Tensor]) -> Tensor:
        """Whose embedding is nearest."""
        return max(rows, key=lambda row: self.alike(own, row))

    def sent(self, far: str) -> None:
        """Nothing ever: a network computes here."""

    def to(self, device: torch.device | str) -> Self:
        """Move the network's weights; returns itself."""
        if isinstance(self.network, torch.nn.Module):
            self.network.to(device)
        return self

    def embed(self, crops: Tensor) -> Tensor:
        """Unit embeddings (B, dim) of aligned RGB crops (B, 3, size, size) in [0, 1]."""
        size = self.card.input_size
        if crops.ndim != 4 or crops.shape[1] != 3 or crops.shape[2:] != (size, size):
            raise InputError(
                f"Recogniser '{self.name}' takes crops of 3x{size}x{size}, got {tuple(crops.shape)}. "
                "Align the face to its template first."
            )
        low, high = self.card.input_range
        mean = crops.new_tensor(self.card.mean).view(1, 3, 1, 1)
        x = crops.flip(1) if self.card.channels.upper() == "BGR" else crops
        x = (x * (high - low) + low - mean) * self.card.scale_after_mean
        x = x.contiguous(memory_format=torch.channels_last)
        return F.normalize(self.network(x).flatten(1), dim=1)
