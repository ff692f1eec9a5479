"""A network with SCRFD's nine outputs that detects red squares, as an ONNX file for InsightFace's own class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

SQUARE, LEVELS = 40, (8, 16, 32)
POINTS = [(-1.0, -1.0), (1.0, -1.0), (0.0, 0.0), (-0.8, 1.0), (0.8, 1.0)]
"""The five points around a square's centre, in steps of 8 px."""


def red_squares_in(folder: Path) -> Path:
    """The score is how much redder than green a place is, the box 40 px, on the finest level only."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("insightface.model_zoo")
    helper, to_array = onnx.helper, onnx.numpy_helper.from_array
    cells = [(640 // step) ** 2 * 2 for step in LEVELS]
    constants = {"s1": (cells[1], 1), "s2": (cells[2], 1)}
    constants |= {f"b{i}": (n, 4) for i, n in enumerate(cells)} | {f"k{i}": (n, 10) for i, n in enumerate(cells)}
    values = {name: np.zeros(shape, np.float32) for name, shape in constants.items()}
    values["b0"] += SQUARE / 2 / LEVELS[0]
    values["k0"] += np.float32(POINTS).ravel()
    weights = np.float32([0.5, -0.5, 0]).reshape(1, 3, 1, 1)
    start = [to_array(weights, "weights"), to_array(np.int64([-1, 1]), "column")]
    start += [to_array(value, f"{name}_value") for name, value in values.items()]
    nodes = [
        helper.make_node("Conv", ["picture", "weights"], ["redness"]),
        helper.make_node("AveragePool", ["redness"], ["cells"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("AveragePool", ["cells"], ["wide"], kernel_shape=[5, 5], pads=[2, 2, 2, 2]),
        helper.make_node("Reshape", ["wide", "column"], ["single"]),
        helper.make_node("Concat", ["single", "single"], ["pairs"], axis=1),
        helper.make_node("Reshape", ["pairs", "column"], ["s0"]),
        *(helper.make_node("Identity", [f"{name}_value"], [name]) for name in values),
    ]
    names = [f"{kind}{level}" for kind in "sbk" for level in range(3)]
    widths = {"s": 1, "b": 4, "k": 10}
    float32 = onnx.TensorProto.FLOAT
    outputs = [helper.make_tensor_value_info(n, float32, [cells[int(n[1])], widths[n[0]]]) for n in names]
    picture = helper.make_tensor_value_info("picture", float32, [1, 3, 640, 640])
    graph = helper.make_graph(nodes, "red_squares", [picture], outputs, start)
    path = folder / "scrfd_red.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def paint(image: torch.Tensor, x: int, y: int, size: int = SQUARE) -> None:
    image[:, :, y : y + size, x : x + size] = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
