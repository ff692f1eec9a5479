"""FaceNet as the literature uses it: Inception-ResNet v1 with 512 numbers out.

Written afresh; only the names in the state dict follow the published files.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_EPS = 1e-3
"""What TensorFlow, where the weights were trained, adds to a variance; torch's own default is smaller."""


class Conv(nn.Module):
    """Convolution, batch normalisation, ReLU."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int | tuple[int, int] = 1,
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(channels_out, eps=_EPS)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class Branches(nn.Module):
    """Several ways through, their channels side by side."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.names = [f"branch{index}" for index in range(len(branches))]
        for name, branch in zip(self.names, branches, strict=True):
            self.add_module(name, branch)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.get_submodule(name)(x) for name in self.names], 1)


class Residual(Branches):
    """Branches whose sum, scaled down, is added to the input."""

    def __init__(self, *branches: nn.Module, mixed: int, width: int, scale: float, rectify: bool = True) -> None:
        super().__init__(*branches)
        self.conv2d = nn.Conv2d(mixed, width, 1)
        self.scale = scale
        self.rectify = rectify

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2d(super().forward(x)) * self.scale + x
        return F.relu(y) if self.rectify else y


def _block35() -> Residual:
    return Residual(
        Conv(256, 32),
        nn.Sequential(Conv(256, 32), Conv(32, 32, 3, 1, 1)),
        nn.Sequential(Conv(256, 32), Conv(32, 32, 3, 1, 1), Conv(32, 32, 3, 1, 1)),
        mixed=96,
        width=256,
        scale=0.17,
    )


def _block17() -> Residual:
    return Residual(
        Conv(896, 128),
        nn.Sequential(Conv(896, 128), Conv(128, 128, (1, 7), 1, (0, 3)), Conv(128, 128, (7, 1), 1, (3, 0))),
        mixed=256,
        width=896,
        scale=0.10,
    )


def _block8(scale: float = 0.20, rectify: bool = True) -> Residual:
    return Residual(
        Conv(1792, 192),
        nn.Sequential(Conv(1792, 192), Conv(192, 192, (1, 3), 1, (0, 1)), Conv(192, 192, (3, 1), 1, (1, 0))),
        mixed=384,
        width=1792,
        scale=scale,
        rectify=rectify,
    )


def _halve_to_896() -> Branches:
    return Branches(
        Conv(256, 384, 3, 2),
        nn.Sequential(Conv(256, 192), Conv(192, 192, 3, 1, 1), Conv(192, 256, 3, 2)),
        nn.MaxPool2d(3, 2),
    )


def _halve_to_1792() -> Branches:
    return Branches(
        nn.Sequential(Conv(896, 256), Conv(256, 384, 3, 2)),
        nn.Sequential(Conv(896, 256), Conv(256, 256, 3, 2)),
        nn.Sequential(Conv(896, 256), Conv(256, 256, 3, 1, 1), Conv(256, 256, 3, 2)),
        nn.MaxPool2d(3, 2),
    )


class FaceNet(nn.Module):
    """(B, 3, 160, 160) in [-1, 1] to (B, 512), not normalised; 23.5M parameters.

    The classifier of the training set (`logits`) is left out: it says nothing about a
    face outside that set.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv2d_1a = Conv(3, 32, 3, 2)
        self.conv2d_2a = Conv(32, 32, 3)
        self.conv2d_2b = Conv(32, 64, 3, 1, 1)
        self.maxpool_3a = nn.MaxPool2d(3, 2)
        self.conv2d_3b = Conv(64, 80)
        self.conv2d_4a = Conv(80, 192, 3)
        self.conv2d_4b = Conv(192, 256, 3, 2)
        self.repeat_1 = nn.Sequential(*(_block35() for _ in range(5)))
        self.mixed_6a = _halve_to_896()
        self.repeat_2 = nn.Sequential(*(_block17() for _ in range(10)))
        self.mixed_7a = _halve_to_1792()
        self.repeat_3 = nn.Sequential(*(_block8() for _ in range(5)))
        self.block8 = _block8(scale=1.0, rectify=False)
        self.last_linear = nn.Linear(1792, 512, bias=False)
        self.last_bn = nn.BatchNorm1d(512, eps=_EPS)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv2d_2b(self.conv2d_2a(self.conv2d_1a(x)))
        x = self.conv2d_3b(self.maxpool_3a(x))
        x = self.conv2d_4b(self.conv2d_4a(x))
        x = self.mixed_6a(self.repeat_1(x))
        x = self.mixed_7a(self.repeat_2(x))
        x = self.block8(self.repeat_3(x))
        return self.last_bn(self.last_linear(x.mean((2, 3))))
