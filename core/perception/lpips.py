"""Distances of two pictures in a classification network's features: LPIPS, and Flux-Guard's VGG-19 term.

The learned weights of LPIPS's layers come from the `lpips` package's own files. Its class is not
used: it computes both pictures' features at every call, where one of ours never changes, and
importing it imports torchvision, which fails when that was built for another torch.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ModelError
from .backbones import Backbone

Features = Sequence[Tensor]


class Lpips(nn.Module):
    """Distances (B,) of pictures (B, 3, H, W) in [0, 1]; differentiable."""

    def __init__(self, backbone: Backbone, heads: list[Tensor]) -> None:
        super().__init__()
        self.backbone = backbone
        for index, head in enumerate(heads):
            self.register_buffer(f"head{index}", head)

    @classmethod
    def load(cls, net: str) -> Lpips:
        """ "alex" or "vgg", from weights on this machine."""
        return cls(Backbone.load(net), _read_heads(net))

    def features(self, image: Tensor) -> list[Tensor]:
        """What is compared, of length 1 at every pixel. Worth keeping for a picture that is compared often."""
        return [x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10) for x in self.backbone(image)]

    def distance(self, a: Features, b: Features) -> Tensor:
        """The distance of two pictures' features."""
        heads = (getattr(self, f"head{index}") for index in range(len(a)))
        each = [F.conv2d((x - y).square(), head).mean((1, 2, 3)) for x, y, head in zip(a, b, heads, strict=True)]
        return torch.stack(each).sum(0)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return self.distance(self.features(a), self.features(b))


class Vgg19Distance(nn.Module):
    """Mean squared difference (B,) of VGG-19's relu3_4: the perceptual term Flux-Guard was published with."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    @classmethod
    def load(cls) -> Vgg19Distance:
        return cls(Backbone.load("vgg19"))

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return (self.backbone(a)[0] - self.backbone(b)[0]).square().mean((1, 2, 3))


def _read_heads(net: str) -> list[Tensor]:
    """The learned weights of the compared layers, from the lpips package, found without importing it."""
    package = importlib.util.find_spec("lpips")
    if package is None or not package.origin:
        raise ModelError("LPIPS needs the package lpips. Install it with: pip install lpips")
    path = Path(package.origin).parent / "weights" / "v0.1" / f"{net}.pth"
    state = torch.load(path, map_location="cpu", weights_only=True)
    return [state[f"lin{index}.model.1.weight"] for index in range(5)]
