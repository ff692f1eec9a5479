"""An ONNX file as a torch module with gradients.

General converters bring torchvision along, and keep a batch size of 1 that a file was exported
with. Face networks are made of few operators, so running their graph node by node is short.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ModelError
from .onnx_ops import OPERATORS, Operator


@dataclass(frozen=True)
class Node:
    """One step: what it reads and makes, and which values nobody needs after it."""

    run: Operator
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    last_uses: tuple[str, ...]


class OnnxGraph(nn.Module):
    """Runs a graph on (B, ...) pictures; weights are buffers, so `.to(device)` and `.double()` reach them."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        model = read_model(path)
        graph = model.graph
        unknown = sorted({node.op_type for node in graph.node} - set(OPERATORS))
        if unknown:
            raise ModelError(f"{path.name} uses operators that are not supported here: {', '.join(unknown)}.")
        self._weights = {}
        for index, initializer in enumerate(graph.initializer):
            self.register_buffer(f"weight{index}", _tensor(initializer))
            self._weights[initializer.name] = f"weight{index}"
        inputs = [value for value in graph.input if value.name not in self._weights]
        if len(inputs) != 1:
            raise ModelError(f"{path.name} takes {len(inputs)} inputs; a recogniser takes one picture.")
        self.input_name = inputs[0].name
        self.input_shape = _shape(inputs[0])
        self.output_names = tuple(value.name for value in graph.output)
        self.output_shapes = tuple(_shape(value) for value in graph.output)
        self._nodes = _nodes(graph, self.output_names)
        self.operators = tuple(node.op_type for node in graph.node)
        self.node_inputs = tuple(tuple(node.input) for node in graph.node)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        values: dict[str, Any] = {name: getattr(self, buffer) for name, buffer in self._weights.items()}
        values[self.input_name] = x
        for node in self._nodes:
            made = node.run(*(values[name] if name else None for name in node.inputs))
            made = made if isinstance(made, tuple) else (made,)
            values.update(zip(node.outputs, made, strict=False))
            for name in node.last_uses:
                del values[name]
        outputs = tuple(values[name] for name in self.output_names)
        return outputs[0] if len(outputs) == 1 else outputs


def read_model(path: Path) -> Any:
    """The file as onnx sees it, weights in files beside it included."""
    try:
        import onnx
    except ImportError as error:
        raise ModelError("Reading an .onnx file needs the package onnx. Install it with: pip install onnx") from error
    if not path.is_file():
        raise ModelError(f"There is no weights file at {path}. Check the path.")
    try:
        model = onnx.load(str(path))
    except Exception as error:  # protobuf and onnx raise many kinds for a damaged file
        raise ModelError(
            f"{path.name} is no ONNX file, is damaged, or misses its weights file. Download it again."
        ) from error
    if not model.graph.node or not model.graph.output:
        raise ModelError(f"{path.name} is no ONNX network. Download it again.")
    return model


def _shape(value: Any) -> tuple[int | None, ...]:
    """A declared shape; None where it is left open."""
    return tuple(
        d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else None for d in value.type.tensor_type.shape.dim
    )


def _tensor(initializer: Any) -> Tensor:
    from onnx import numpy_helper

    return torch.from_numpy(numpy_helper.to_array(initializer).copy())


def _attributes(node: Any) -> dict[str, Any]:
    import onnx

    read: dict[str, Any] = {"_outputs": len(node.output)}
    for attribute in node.attribute:
        value = onnx.helper.get_attribute_value(attribute)
        if isinstance(value, bytes):
            value = value.decode()
        elif isinstance(value, onnx.TensorProto):
            value = _tensor(value)
        read[attribute.name] = value
    return read


def _nodes(graph: Any, outputs: tuple[str, ...]) -> list[Node]:
    """Nodes in the file's order, which ONNX makes one of execution, each with the values it is the last to read."""
    last: dict[str, int] = {
        name: index for index, node in enumerate(graph.node) for name in (*node.input, *node.output)
    }
    nodes = []
    for index, node in enumerate(graph.node):
        touched = dict.fromkeys(name for name in (*node.input, *node.output) if name)
        done = tuple(name for name in touched if last[name] == index and name not in outputs)
        nodes.append(Node(OPERATORS[node.op_type](_attributes(node)), tuple(node.input), tuple(node.output), done))
    return nodes
