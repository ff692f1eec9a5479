"""The autoencoder that comes with the package: 8 times smaller, 16 channels, convolutions only."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS = (48, 96, 160)
"""Channels at 1/2, 1/4 and 1/8 of the picture's size; nothing is computed at full size, where a CPU would suffer."""
CHANNELS = 16


class _Residual(nn.Module):
    """Two convolutions and a shortcut; no normalisation, which would tie far places together."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        for parameter in self.second.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.silu(self.first(F.silu(x))))


def _blocks(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(_Residual(width) for _ in range(count)))


class SmallAutoencoder(nn.Module):
    """Pictures (B, 3, H, W) in [0, 1] to latents (B, 16, H/8, W/8) of zero mean and unit variance, and back."""

    name = "bundled"
    multiple = 8
    mean: Tensor
    spread: Tensor

    def __init__(self) -> None:
        super().__init__()
        fine, middle, coarse = WIDTHS
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(12, fine, 3, padding=1),
            _blocks(fine, 1),
            nn.Conv2d(fine, middle, 2, stride=2),
            _blocks(middle, 2),
            nn.Conv2d(middle, coarse, 2, stride=2),
            _blocks(coarse, 2),
            nn.Conv2d(coarse, CHANNELS, 3, padding=1),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(CHANNELS, coarse, 3, padding=1),
            _blocks(coarse, 3),
            nn.Conv2d(coarse, 4 * middle, 1),
            nn.PixelShuffle(2),
            _blocks(middle, 2),
            nn.Conv2d(middle, 4 * fine, 1),
            nn.PixelShuffle(2),
            _blocks(fine, 2),
            nn.Conv2d(fine, 12, 3, padding=1),
            nn.PixelShuffle(2),
        )
        self.register_buffer("mean", torch.zeros(CHANNELS))
        self.register_buffer("spread", torch.ones(CHANNELS))

    def encode(self, image: Tensor) -> Tensor:
        return (self.encoder(image * 2 - 1) - self.mean.view(-1, 1, 1)) / self.spread.view(-1, 1, 1)

    def decode(self, latent: Tensor) -> Tensor:
        return self.decoder(latent * self.spread.view(-1, 1, 1) + self.mean.view(-1, 1, 1)) * 0.5 + 0.5
