"""MobileFaceNet with 512 numbers out: the small network of the face-privacy literature.

Written afresh; only the names in the state dict follow the published file. It is another
network than the 192-number MobileFaceNet that ships in phone apps.
"""

from __future__ import annotations

from torch import Tensor, nn


class Conv(nn.Module):
    """Convolution and batch normalisation, with a PReLU unless `linear`."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int = 1,
        stride: int = 1,
        padding: int = 0,
        groups: int = 1,
        linear: bool = False,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, kernel, stride, padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(channels_out)
        self.prelu = None if linear else nn.PReLU(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn(self.conv(x))
        return x if self.prelu is None else self.prelu(x)


class Bottleneck(nn.Module):
    """Widen, filter each channel alone, narrow again; added to its input where the shapes stay."""

    def __init__(self, channels_in: int, channels_out: int, wide: int, stride: int) -> None:
        super().__init__()
        self.residual = stride == 1
        self.conv = Conv(channels_in, wide)
        self.conv_dw = Conv(wide, wide, 3, stride, 1, groups=wide)
        self.project = Conv(wide, channels_out, linear=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.conv_dw(self.conv(x)))
        return x + y if self.residual else y


class Stage(nn.Module):
    """Bottlenecks in a row. A module of its own only because the files name it `.model`."""

    def __init__(self, channels: int, wide: int, count: int) -> None:
        super().__init__()
        self.model = nn.Sequential(*(Bottleneck(channels, channels, wide, 1) for _ in range(count)))

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class MobileFaceNet(nn.Module):
    """(B, 3, 112, 112) in [-1, 1] to (B, 512), not normalised; 1.2M parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = Conv(3, 64, 3, 2, 1)
        self.conv2_dw = Conv(64, 64, 3, 1, 1, groups=64)
        self.conv_23 = Bottleneck(64, 64, 128, 2)
        self.conv_3 = Stage(64, 128, 4)
        self.conv_34 = Bottleneck(64, 128, 256, 2)
        self.conv_4 = Stage(128, 256, 6)
        self.conv_45 = Bottleneck(128, 128, 512, 2)
        self.conv_5 = Stage(128, 256, 2)
        self.conv_6_sep = Conv(128, 512)
        self.conv_6_dw = Conv(512, 512, 7, groups=512, linear=True)
        self.linear = nn.Linear(512, 512, bias=False)
        self.bn = nn.BatchNorm1d(512)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv2_dw(self.conv1(x))
        x = self.conv_3(self.conv_23(x))
        x = self.conv_4(self.conv_34(x))
        x = self.conv_5(self.conv_45(x))
        x = self.conv_6_dw(self.conv_6_sep(x))
        return self.bn(self.linear(x.flatten(1)))
