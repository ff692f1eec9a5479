"""Networks from strangers: whatever is wrong with a graph is said."""

from __future__ import annotations

import onnx
import pytest
import torch
from damaged import flipped
from hostility import share
from tiny_networks import tiny_recogniser

from faceveil.core.recognisers.catalogue import entries, load_recogniser

pytestmark = pytest.mark.slow


def crafted(model: onnx.ModelProto, chance) -> str:
    """One thing about the graph that no exporter would write; what it is."""
    graph, node = model.graph, chance.choice(model.graph.node)
    name = chance.choice([value for one in graph.node for value in (*one.input, *one.output)])
    harms = {
        "no attributes": lambda: node.ClearField("attribute"),
        "no inputs": lambda: node.ClearField("input"),
        "no outputs": lambda: node.ClearField("output"),
        "more inputs": lambda: node.input.extend([name] * 5),
        "another input": lambda: node.input.__setitem__(0, name) if node.input else None,
        "itself": lambda: node.input.__setitem__(0, node.output[0]) if node.input and node.output else None,
        "another kind": lambda: setattr(node, "op_type", chance.choice(KINDS)),
        "odd attribute": lambda: node.attribute.append(onnx.helper.make_attribute("axis", chance.choice(ODD))),
        "odd kernel": lambda: node.attribute.append(onnx.helper.make_attribute("kernel_shape", [-1, 0, 9])),
        "odd pads": lambda: node.attribute.append(onnx.helper.make_attribute("pads", [10**9] * 4)),
        "odd strides": lambda: node.attribute.append(onnx.helper.make_attribute("strides", [0, 0])),
        "odd group": lambda: node.attribute.append(onnx.helper.make_attribute("group", 7)),
        "no graph inputs": lambda: graph.ClearField("input"),
        "no graph outputs": lambda: graph.ClearField("output"),
        "output elsewhere": lambda: setattr(graph.output[0], "name", name) if graph.output else None,
        "no shape": lambda: graph.input[0].ClearField("type") if graph.input else None,
        "negative shape": lambda: [setattr(d, "dim_value", -5) for d in graph.input[0].type.tensor_type.shape.dim],
        "fewer weights": lambda: graph.initializer.pop() if graph.initializer else None,
        "cut weights": lambda: setattr(graph.initializer[0], "raw_data", b"123"),
        "odd type": lambda: setattr(graph.initializer[0], "data_type", chance.choice([0, 8, 14, 16, 17, 99])),
        "odd dims": lambda: graph.initializer[0].dims.__setitem__(0, chance.choice([-1, 0, 2**40])),
        "weights elsewhere": lambda: elsewhere(graph.initializer[0], chance.choice(PLACES)),
        "two of a name": lambda: graph.node.append(node),
        "opset": lambda: setattr(model.opset_import[0], "version", chance.choice([0, 1, 99, 2**60])),
        "names": lambda: setattr(node, "name", "\x1b[2J\n" * 9),
        "a constant without one": lambda: graph.node.append(onnx.helper.make_node("Constant", [], [])),
    }
    what = chance.choice(list(harms))
    harms[what]()
    return what


KINDS = ("Loop", "If", "Reshape", "Gather", "Split", "Concat", "Pad", "Resize", "Tile", "Einsum", "Softmax", "Slice")
KINDS += ("Transpose", "Range", "Expand", "ConstantOfShape", "Where", "Clip", "Gemm", "QLinearConv", "Identity")
ODD = (-99, 10**12, 1.5, "text", [1, 2, 3])
PLACES = ("../../secret", "/etc/hostname", "missing", "")


def elsewhere(tensor: onnx.TensorProto, place: str) -> None:
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.ClearField("raw_data")
    for key, value in {"location": place, "offset": "-1", "length": "99999999999"}.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value


def test_crafted_networks(tally, chance, tmp_path, monkeypatch):
    monkeypatch.setenv("FACEVEIL_MODELS", str(tmp_path / "models"))
    sound = tiny_recogniser(tmp_path)
    model = onnx.load(sound)
    for number in range(share(0.15)):
        path = tmp_path / "models" / "recognisers" / "net.onnx"
        path.parent.mkdir(parents=True, exist_ok=True)
        if number % 3:
            changed = onnx.ModelProto()
            changed.CopyFrom(model)
            what = "; ".join(crafted(changed, chance) for _ in range(chance.choice([1, 1, 2])))
            path.write_bytes(changed.SerializeToString())
        else:
            what = "bytes"
            path.write_bytes(flipped(sound.read_bytes(), chance))
        if chance.random() < 0.7:
            path.with_suffix(".json").write_bytes(sound.with_suffix(".json").read_bytes())

        def ask(path=path):
            [entry.card for entry in entries()]
            recogniser = load_recogniser(path)
            side = recogniser.card.input_size
            recogniser.embed(torch.rand(2, 3, side, side))

        tally.judge("crafted networks", what, ask)
        path.unlink(), path.with_suffix(".json").unlink(missing_ok=True)
