"""MTCNN's three networks, from facenet-pytorch's .pt files to the safetensors that the package ships.

    python training/convert_mtcnn.py FOLDER core/weights/mtcnn.safetensors

FOLDER is `facenet_pytorch/data` of the unpacked PyPI wheel facenet-pytorch 2.6.0 (MIT; Timothy Esler),
with pnet.pt, rnet.pt and onet.pt. Those were converted from David Sandberg's facenet (MIT), and in turn from
the authors' Caffe models, which flatten feature maps column by column: here the dense layers that follow are
reordered once, so that the networks can flatten like any other torch network.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import torch
from safetensors.torch import save_file

# Where each layer goes: trunk layers come as convolution or dense, then PReLU, with pooling in between.
NAMES = {
    "pnet": {
        "conv1": "trunk.0",
        "prelu1": "trunk.1",
        "conv2": "trunk.3",
        "prelu2": "trunk.4",
        "conv3": "trunk.5",
        "prelu3": "trunk.6",
        "conv4_1": "heads.face",
        "conv4_2": "heads.box",
    },
    "rnet": {
        "conv1": "trunk.0",
        "prelu1": "trunk.1",
        "conv2": "trunk.3",
        "prelu2": "trunk.4",
        "conv3": "trunk.6",
        "prelu3": "trunk.7",
        "dense4": "trunk.9",
        "prelu4": "trunk.10",
        "dense5_1": "heads.face",
        "dense5_2": "heads.box",
    },
    "onet": {
        "conv1": "trunk.0",
        "prelu1": "trunk.1",
        "conv2": "trunk.3",
        "prelu2": "trunk.4",
        "conv3": "trunk.6",
        "prelu3": "trunk.7",
        "conv4": "trunk.9",
        "prelu4": "trunk.10",
        "dense5": "trunk.12",
        "prelu5": "trunk.13",
        "dense6_1": "heads.face",
        "dense6_2": "heads.box",
        "dense6_3": "heads.points",
    },
}
FLATTENED = {"rnet": "dense4.weight", "onet": "dense5.weight"}
"""The dense layers on flattened 3 x 3 feature maps."""


def convert(net: str, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The state dict of one stage of `faceveil.core.faces.mtcnn.Mtcnn`, with the stage's name in front."""
    converted = {}
    for key, value in state.items():
        if key == FLATTENED.get(net):
            value = value.view(len(value), 3, 3, -1).permute(0, 3, 2, 1).flatten(1)
        layer, kind = key.split(".")
        converted[f"{net}.{NAMES[net][layer]}.{kind}"] = value.float().contiguous()
    return converted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    weights, metadata = {}, {"source": "PyPI facenet-pytorch 2.6.0, facenet_pytorch/data", "licence": "MIT"}
    for net in NAMES:
        file = arguments.folder / f"{net}.pt"
        weights |= convert(net, torch.load(file, weights_only=True))
        metadata[f"{net}_sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    save_file(weights, arguments.out, metadata)


if __name__ == "__main__":
    main()
