"""IR and IR-SE: the residual networks behind most published ArcFace weights.

Written afresh; only the names in the state dict follow the published files. IR-152 and
IR-SE-50 come from two different code bases but share one layout: IR-SE adds a
squeeze-and-excitation step to every block, the block counts differ, and nothing else.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_WIDTHS = (64, 128, 256, 512)


class SqueezeExcite(nn.Module):
    """Weighs each channel by what the whole map holds."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // reduction, 1, bias=False)
        self.fc2 = nn.Conv2d(channels // reduction, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        squeezed = x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.fc2(F.relu(self.fc1(squeezed))))


class Block(nn.Module):
    """Normalise, convolve, convolve, add. The second convolution may halve the map."""

    def __init__(self, channels_in: int, channels_out: int, stride: int, squeeze: bool) -> None:
        super().__init__()
        self.stride = stride
        steps = [
            nn.BatchNorm2d(channels_in),
            nn.Conv2d(channels_in, channels_out, 3, 1, 1, bias=False),
            nn.PReLU(channels_out),
            nn.Conv2d(channels_out, channels_out, 3, stride, 1, bias=False),
            nn.BatchNorm2d(channels_out),
        ]
        if squeeze:
            steps.append(SqueezeExcite(channels_out))
        self.res_layer = nn.Sequential(*steps)
        self.shortcut_layer = None
        if channels_in != channels_out:
            self.shortcut_layer = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride, bias=False), nn.BatchNorm2d(channels_out)
            )

    def forward(self, x: Tensor) -> Tensor:
        if self.shortcut_layer is not None:
            return self.res_layer(x) + self.shortcut_layer(x)
        return self.res_layer(x) + x[:, :, :: self.stride, :: self.stride]


class IRNet(nn.Module):
    """(B, 3, 112, 112) in [-1, 1] to (B, 512), not normalised. `units` counts the blocks of each of four widths."""

    def __init__(self, units: tuple[int, int, int, int], squeeze: bool) -> None:
        super().__init__()
        self.input_layer = nn.Sequential(nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64))
        blocks, before = [], 64
        for width, count in zip(_WIDTHS, units, strict=True):
            for index in range(count):
                blocks.append(Block(before, width, 1 if index else 2, squeeze))
                before = width
        self.body = nn.Sequential(*blocks)
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(512),
            nn.Identity(),  # the training's dropout: kept so that the numbers below match the files
            nn.Flatten(),
            nn.Linear(512 * 7 * 7, 512),
            nn.BatchNorm1d(512),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.output_layer(self.body(self.input_layer(x)))


def ir152() -> IRNet:
    """IR-152: 70.7M parameters."""
    return IRNet((3, 8, 36, 3), squeeze=False)


def irse50() -> IRNet:
    """IR-SE-50: 43.8M parameters."""
    return IRNet((3, 4, 14, 3), squeeze=True)
