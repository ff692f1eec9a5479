"""A recogniser of another family, small and random: enough where who judges matters and what it says does not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper


def tiny_recogniser(folder: Path, name: str = "tiny", family: str = "tiny", threshold: float = 0.5) -> Path:
    """An ONNX file with its side-car: three random filters, pooled coarsely."""
    random = np.random.default_rng(0)
    weights = {
        "filters": random.normal(size=(8, 3, 8, 8)) / 8,
        "mixing": random.normal(size=(8 * 49, 32)),
    }
    nodes = [
        helper.make_node("Conv", ["x", "filters"], ["c"], strides=[4, 4]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("AveragePool", ["r"], ["p"], kernel_shape=[3, 3], strides=[4, 4], pads=[1, 1, 1, 1]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("MatMul", ["f", "mixing"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [None, 3, 112, 112])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [None, 32])],
        [numpy_helper.from_array(value.astype(np.float32), key) for key, value in weights.items()],
    )
    path = folder / f"{name}.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    card = {"family": family, "template": "arcface", "thresholds": {"1e-2": threshold, "1e-3": threshold + 0.2}}
    path.with_suffix(".json").write_text(json.dumps(card))
    return path
