"""An ONNX file as a torch module with gradients.

General converters bring torchvision along, and keep the batch of 1 that a file was exported
with. Face networks are made of few operators, so running their graph node by node is short.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import ModelError
from .common import Operator
from .faults import telling
from .operators import OPERATORS

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto


@dataclass(frozen=True)
class Signature:
    """What goes in and what comes out; None where a file leaves a size open."""

    input_name: str
    input_shape: tuple[int | None, ...]
    output_names: tuple[str, ...]
    output_shapes: tuple[tuple[int | None, ...], ...]


@dataclass(frozen=True)
class Node:
    """One step: what it reads and makes, and which values nobody needs after it."""

    kind: str
    run: Operator
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    last_uses: tuple[str, ...]
    batched: bool
    """Whether `run` must be told the batch; see `shapes.reshape`."""


class OnnxGraph(nn.Module):
    """Runs a graph on (B, ...) pictures, also when the file was exported for B = 1.

    Weights are frozen buffers, so `.to(device)` and `.double()` reach them. Whole numbers and
    single numbers stay on the CPU: they are shapes, axes and limits, which torch wants there.
    """

    def __init__(self, source: Path | ModelProto, name: str = "This network") -> None:
        super().__init__()
        name = source.name if isinstance(source, Path) else name
        model = read_model(source) if isinstance(source, Path) else source
        self.name = name
        with telling(name):
            self._build(model)

    def _build(self, model: ModelProto) -> None:
        name = self.name
        opset = max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=1)
        _refuse_unsupported(model.graph, name)
        self.signature = signature(model.graph, name)
        constants = _constants(model.graph)
        self._weights: dict[str, str] = {}
        self._numbers: dict[str, Tensor] = {}
        for index, (key, value) in enumerate(constants.items()):
            if value.is_floating_point() and value.ndim:
                self.register_buffer(f"weight{index}", value)
                self._weights[key] = f"weight{index}"
            else:
                self._numbers[key] = value
        self._nodes = _nodes(model.graph, self.signature, constants, opset, name)
        # A file that was exported for several pictures at once is trusted to keep them apart.
        self._together: bool | None = None if _for_one(self.signature) else True

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        """One output, or a tuple of them. Outputs that do not start with the batch are joined on their first axis."""
        if len(x) > 1 and self._together is None:
            self._together = self._keeps_pictures_apart(x)
        outputs = self._run(x) if len(x) == 1 or self._together else self._run_one_by_one(x)
        return outputs[0] if len(outputs) == 1 else outputs

    def _run(self, x: Tensor) -> tuple[Tensor, ...]:
        values: dict[str, Any] = {key: self._buffers[buffer] for key, buffer in self._weights.items()}
        values.update(self._numbers)
        values[self.signature.input_name] = x
        for node in self._nodes:
            inputs = (values[key] if key else None for key in node.inputs)
            with telling(self.name, node.kind):
                made = node.run(*inputs, batch=len(x)) if node.batched else node.run(*inputs)
            made = made if isinstance(made, tuple) else (made,)
            values.update(zip(node.outputs, made, strict=False))
            for key in node.last_uses:
                values.pop(key, None)
        return tuple(values[key] for key in self.signature.output_names)

    def _run_one_by_one(self, x: Tensor) -> tuple[Tensor, ...]:
        each = [self._run(picture) for picture in x.split(1)]
        return tuple(torch.cat([torch.atleast_1d(part) for part in parts]) for parts in zip(*each, strict=True))

    @torch.no_grad()
    def _keeps_pictures_apart(self, x: Tensor) -> bool:
        """Whether a batch gives what its pictures give alone; tried once, with two pictures of noise.

        A file exported for one picture may have its 1 baked into places that `reshape` cannot
        know, and would then fail, or silently mix faces. Such files run picture by picture.
        """
        noise = torch.rand((2, *x.shape[1:]), generator=torch.Generator().manual_seed(0)).to(x)
        noise = noise * x.abs().amax().clamp(min=1)
        alone = self._run_one_by_one(noise)
        try:
            together = self._run(noise)
        except (ModelError, RuntimeError, IndexError, ValueError):
            return False
        return all(
            a.shape == b.shape and bool((a - b).abs().amax() <= 1e-2 * a.abs().amax())
            for a, b in zip(alone, together, strict=True)
        )


def read_model(path: Path) -> ModelProto:
    """The file as onnx sees it, with weights that lie in files beside it."""
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


def signature(graph: GraphProto, name: str) -> Signature:
    """What the graph takes and gives. Files may list weights among the inputs, or things that nothing reads."""
    weights = {initializer.name for initializer in graph.initializer}
    read = {name for node in graph.node for name in node.input}
    inputs = [value for value in graph.input if value.name not in weights]
    inputs = [value for value in inputs if value.name in read] or inputs
    if len(inputs) != 1:
        raise ModelError(f"{name} takes {len(inputs)} inputs; a network for faces takes one picture.")
    outputs = tuple(graph.output)
    return Signature(inputs[0].name, _shape(inputs[0]), tuple(o.name for o in outputs), tuple(map(_shape, outputs)))


def _shape(value: Any) -> tuple[int | None, ...]:
    sizes = value.type.tensor_type.shape.dim
    return tuple(size.dim_value if size.HasField("dim_value") and size.dim_value > 0 else None for size in sizes)


def _for_one(ends: Signature) -> bool:
    """Whether a file was, or may have been, exported for one picture."""
    return ends.input_shape[:1] in ((1,), (None,))


def _refuse_unsupported(graph: GraphProto, name: str) -> None:
    kinds = {(node.domain if node.domain != "ai.onnx" else "", node.op_type) for node in graph.node}
    unknown = sorted(
        f"{domain}.{kind}" if domain else kind for domain, kind in kinds if domain or kind not in OPERATORS
    )
    if not unknown:
        return
    quantised = any(word in kind for kind in unknown for word in ("Quantize", "QLinear", "Integer"))
    advice = "It is a quantised file: use the float one." if quantised else "Use another export of the network."
    raise ModelError(f"{name} uses operators that are not supported here: {', '.join(unknown)}. {advice}")


def _tensor(proto: TensorProto) -> Tensor:
    """Half precision is widened: gradients through half-precision layers are too coarse to follow."""
    from onnx import numpy_helper

    array = numpy_helper.to_array(proto)
    if array.dtype != np.bool_:
        array = array.astype(np.int64 if np.issubdtype(array.dtype, np.integer) else np.float32)
    return torch.from_numpy(np.array(array))


def _attributes(node: NodeProto) -> dict[str, Any]:
    import onnx

    read: dict[str, Any] = {}
    for attribute in node.attribute:
        value = onnx.helper.get_attribute_value(attribute)
        if isinstance(value, bytes):
            value = value.decode()
        elif isinstance(value, onnx.TensorProto):
            value = _tensor(value)
        read[attribute.name] = value
    return read


def _constants(graph: GraphProto) -> dict[str, Tensor]:
    """Initialisers, Constant nodes, which are the same thing said otherwise, and weights stored as whole numbers."""
    constants = {initializer.name: _tensor(initializer) for initializer in graph.initializer}
    packed = set()
    for node in graph.node:
        if node.op_type == "Constant":
            constants[node.output[0]] = OPERATORS["Constant"](_attributes(node))()
        elif node.op_type == "DequantizeLinear" and constants.keys() >= set(node.input):
            unpack = OPERATORS[node.op_type](_attributes(node))
            constants[node.output[0]] = unpack(*(constants[key] for key in node.input))
            packed.update(node.input)
    return {key: value for key, value in constants.items() if key not in packed}


def _nodes(graph: GraphProto, ends: Signature, constants: dict[str, Tensor], opset: int, name: str) -> tuple[Node, ...]:
    """The graph's nodes in order of execution, each with the values it is the last to touch."""
    steps = [node for node in graph.node if not constants.keys() >= set(node.output)]
    protos = _in_order(steps, {*constants, ends.input_name}, name)
    made = {key for node in protos for key in node.output} | constants.keys() | {ends.input_name}
    if not made.issuperset(ends.output_names):
        raise ModelError(f"{name} is damaged: nothing in it makes its output. Download it again.")
    last = {key: index for index, node in enumerate(protos) for key in (*node.input, *node.output) if key}
    pictures = {ends.input_name}  # and what is made of them; a shape is no longer a picture
    nodes = []
    for index, node in enumerate(protos):
        if node.op_type not in ("Shape", "Size") and not pictures.isdisjoint(node.input):
            pictures.update(node.output)
        done = {key for key in (*node.input, *node.output) if last.get(key) == index} - set(ends.output_names)
        attributes = {**_attributes(node), "_opset": opset, "_outputs": len(node.output)}
        run = OPERATORS[node.op_type](attributes)
        target = constants.get(node.input[1]) if node.op_type == "Reshape" and node.input[0] in pictures else None
        batched = target is not None and target[:1].tolist() == [1] and _for_one(ends)
        nodes.append(Node(node.op_type, run, tuple(node.input), tuple(node.output), tuple(done), batched))
    return tuple(nodes)


def _in_order(nodes: Sequence[NodeProto], known: set[str], name: str) -> list[NodeProto]:
    """ONNX demands an order of execution in the file; some exporters do not keep to it."""
    maker = {key: index for index, node in enumerate(nodes) for key in node.output if key}
    if any(key and key not in maker and key not in known for node in nodes for key in node.input):
        raise ModelError(f"{name} is damaged: a part reads a value that no part makes. Download it again.")
    needs = {index: {maker[key] for key in node.input if key in maker} for index, node in enumerate(nodes)}
    if all(earlier < index for index, them in needs.items() for earlier in them):
        return list(nodes)
    try:
        return [nodes[index] for index in TopologicalSorter(needs).static_order()]
    except CycleError as error:
        raise ModelError(f"{name} is damaged: its parts wait for each other. Download it again.") from error
