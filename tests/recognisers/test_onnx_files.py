"""ONNX files against onnxruntime: real recognisers, single operators, and files we must refuse."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from faceveil.core.errors import ModelError
from faceveil.core.recognisers.onnx_file import describe_onnx, load_onnx
from faceveil.core.recognisers.onnx_graph import OnnxGraph

ort = pytest.importorskip("onnxruntime")
RNG = np.random.default_rng(0)


def save(path: Path, nodes, inputs, outputs, constants=None, opset=17) -> Path:
    """A small model; `inputs` and `outputs` map names to shapes."""
    value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    graph = helper.make_graph(
        nodes,
        "small",
        [value(*item) for item in inputs.items()],
        [value(*item) for item in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(model, path)
    return path


def runtime(path: Path, x: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def floats(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def node(kind: str, inputs: str = "x", **attributes):
    """One node that makes y; "-" stands for an input that is left out."""
    return helper.make_node(kind, [name.strip("-") for name in inputs.split()], ["y"], **attributes)


X = (2, 3, 8, 8)
# name: (nodes, constants, opset)
CASES = {
    "conv": ([node("Conv", "x w b", pads=[1, 1, 1, 1], strides=[2, 2])], {"w": floats(4, 3, 3, 3), "b": floats(4)}, 17),
    "conv same upper": ([node("Conv", "x w", auto_pad="SAME_UPPER", strides=[2, 2])], {"w": floats(4, 3, 3, 3)}, 17),
    "conv same lower": ([node("Conv", "x w", auto_pad="SAME_LOWER", strides=[2, 2])], {"w": floats(4, 3, 3, 3)}, 17),
    "conv lopsided": ([node("Conv", "x w", pads=[0, 1, 2, 0])], {"w": floats(4, 3, 3, 3)}, 17),
    "conv depthwise": ([node("Conv", "x w", group=3, dilations=[2, 2])], {"w": floats(3, 1, 3, 3)}, 17),
    "batch norm": ([node("BatchNormalization", "x s b m v")], {k: abs(floats(3)) + 0.1 for k in "sbmv"}, 14),
    "prelu": ([node("PRelu", "x s")], {"s": floats(3, 1, 1)}, 16),
    "clip input": ([node("Clip", "x lo hi")], {"lo": np.float32(-0.5), "hi": np.float32(0.5)}, 13),
    "clip attribute": ([node("Clip", min=-0.5, max=0.5)], {}, 6),
    "leaky relu": ([node("LeakyRelu", alpha=0.2)], {}, 16),
    "sigmoid": ([node("Sigmoid")], {}, 13),
    "hard sigmoid": ([node("HardSigmoid", alpha=0.3)], {}, 6),
    "hard swish": ([node("HardSwish")], {}, 14),
    "erf": ([node("Erf")], {}, 13),
    "softmax": ([node("Softmax", axis=1)], {}, 13),
    "average pool": ([node("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1])], {}, 17),
    "average pool counting": (
        [node("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)],
        {},
        17,
    ),
    "max pool": ([node("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])], {}, 12),
    "max pool ceil": ([node("MaxPool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)], {}, 12),
    "global pool": ([node("GlobalAveragePool")], {}, 1),
    "flatten": ([node("Flatten", axis=1)], {}, 13),
    "flatten 2": ([node("Flatten", axis=2)], {}, 13),
    "transpose": ([node("Transpose", perm=[0, 2, 3, 1])], {}, 13),
    "reshape": ([node("Reshape", "x s")], {"s": ints(0, 3, -1)}, 14),
    "squeeze": ([helper.make_node("ReduceMean", ["x"], ["m"], axes=[3]), node("Squeeze", "m a")], {"a": ints(3)}, 13),
    "unsqueeze": ([node("Unsqueeze", "x a")], {"a": ints(0, 3)}, 13),
    "slice": (
        [node("Slice", "x s e a t")],
        {"s": ints(6, 0), "e": ints(-100, 5), "a": ints(2, 3), "t": ints(-2, 1)},
        13,
    ),
    "gather": ([node("Gather", "x i", axis=2)], {"i": ints(3, -1, 0)}, 13),
    "concat": ([helper.make_node("Relu", ["x"], ["r"]), node("Concat", "x r", axis=1)], {}, 13),
    "split": ([helper.make_node("Split", ["x", "n"], ["y", "z"], axis=1)], {"n": ints(1, 2)}, 13),
    "reduce mean": ([node("ReduceMean", axes=[2, 3], keepdims=0)], {}, 13),
    "reduce sum": ([node("ReduceSum", "x a")], {"a": ints(1)}, 13),
    "reduce l2": ([node("ReduceL2", axes=[1])], {}, 13),
    "lp norm": ([node("LpNormalization", axis=1)], {}, 1),
    "instance norm": ([node("InstanceNormalization", "x s b")], {"s": floats(3), "b": floats(3)}, 6),
    "layer norm": ([node("LayerNormalization", "x s b", axis=-1)], {"s": floats(8), "b": floats(8)}, 17),
    "pad": ([node("Pad", "x p v")], {"p": ints(0, 0, 1, 2, 0, 0, 3, 0), "v": np.float32(0.5)}, 13),
    "pad reflect": ([node("Pad", "x p", mode="reflect")], {"p": ints(0, 0, 1, 2, 0, 0, 3, 1)}, 13),
    "resize nearest": (
        [node("Resize", "x - s", mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")],
        {"s": np.array([1, 1, 2, 2], np.float32)},
        13,
    ),
    "resize linear": ([node("Resize", "x - s", mode="linear")], {"s": np.array([1, 1, 2, 2], np.float32)}, 13),
    "gemm": (
        [helper.make_node("Flatten", ["x"], ["f"]), node("Gemm", "f w b", transB=1, alpha=0.5, beta=2.0)],
        {"w": floats(5, 192), "b": floats(5)},
        13,
    ),
    "arithmetic": (
        [
            helper.make_node("Sub", ["x", "c"], ["a"]),
            helper.make_node("Div", ["a", "d"], ["b"]),
            helper.make_node("Pow", ["b", "two"], ["e"]),
            helper.make_node("Sqrt", ["e"], ["f"]),
            node("Mul", "f c"),
        ],
        {"c": np.float32(0.3), "d": np.float32(1.7), "two": np.float32(2)},
        13,
    ),
    "shape arithmetic": (
        [
            helper.make_node("Shape", ["x"], ["s"]),
            helper.make_node("Gather", ["s", "zero"], ["n"], axis=0),
            helper.make_node("Concat", ["n", "rest"], ["t"], axis=0),
            node("Reshape", "x t"),
        ],
        {"zero": ints(0), "rest": ints(-1)},
        13,
    ),
    "where": ([helper.make_node("Equal", ["x", "x"], ["e"]), node("Where", "e x c")], {"c": np.float32(0)}, 16),
}


@pytest.mark.parametrize("name", CASES)
def test_operators_agree_with_onnxruntime(name, tmp_path):
    nodes, constants, opset = CASES[name]
    path = save(tmp_path / "op.onnx", nodes, {"x": list(X)}, {"y": None}, constants, opset)
    x = floats(*X)
    expected = runtime(path, x)
    ours = OnnxGraph(path)(torch.from_numpy(x))
    ours = (ours[0] if isinstance(ours, tuple) else ours).numpy()
    assert ours.shape == expected.shape
    assert np.abs(ours - expected).max() < 1e-5


def test_attention_block_agrees_with_onnxruntime(tmp_path):
    """What vision transformers add: projections, heads, softmax, layer norm, GELU spelled with Erf."""
    nodes = [
        helper.make_node("LayerNormalization", ["x", "s", "b"], ["n"], axis=-1),
        helper.make_node("MatMul", ["n", "wq"], ["q"]),
        helper.make_node("MatMul", ["n", "wk"], ["k"]),
        helper.make_node("Reshape", ["q", "heads"], ["qh"]),
        helper.make_node("Reshape", ["k", "heads"], ["kh"]),
        helper.make_node("Transpose", ["qh"], ["qt"], perm=[0, 2, 1, 3]),
        helper.make_node("Transpose", ["kh"], ["kt"], perm=[0, 2, 3, 1]),
        helper.make_node("MatMul", ["qt", "kt"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["p"], axis=-1),
        helper.make_node("MatMul", ["p", "qt"], ["o"]),
        helper.make_node("Erf", ["o"], ["g"]),
        node("Mul", "o g"),
    ]
    weights = {"s": floats(16), "b": floats(16), "wq": floats(16, 16), "wk": floats(16, 16), "heads": ints(0, 10, 4, 4)}
    path = save(tmp_path / "vit.onnx", nodes, {"x": [2, 10, 16]}, {"y": None}, weights)
    x = floats(2, 10, 16)
    assert np.abs(OnnxGraph(path)(torch.from_numpy(x)).numpy() - runtime(path, x)).max() < 1e-5


@pytest.mark.parametrize("name", ["mobilefacenet", "faceres"])
def test_real_recognisers_agree_with_onnxruntime(name, shared_recognisers):
    path = shared_recognisers / f"{name}.onnx"
    recogniser = load_onnx(path)
    size, card = recogniser.card.input_size, recogniser.card
    crops = torch.rand(3, 3, size, size, generator=torch.Generator().manual_seed(0))
    pixels = (crops.flip(1) if card.channels == "BGR" else crops) * 255
    x = (pixels - torch.tensor(card.mean).view(1, 3, 1, 1)) * card.scale_after_mean
    expected = np.concatenate([runtime(path, one[None].numpy()) for one in x])
    with torch.no_grad():
        assert np.abs(recogniser.network(x).numpy() - expected).max() < 1e-3
        unit = recogniser.embed(crops).numpy()
    assert np.abs(unit - expected / np.linalg.norm(expected, axis=1, keepdims=True)).max() < 1e-5
    assert card.threshold() == json.loads(path.with_suffix(".json").read_text())["thresholds"]["1e-2"]


def test_gradient_of_a_real_recogniser_agrees_with_finite_differences(shared_recognisers):
    recogniser = load_onnx(shared_recognisers / "mobilefacenet.onnx")
    recogniser.network.double()
    generator = torch.Generator().manual_seed(0)
    crop = torch.rand(1, 3, 112, 112, generator=generator, dtype=torch.float64).requires_grad_()
    target = torch.randn(192, generator=generator, dtype=torch.float64)
    gradient = torch.autograd.grad((recogniser.embed(crop) @ target).sum(), crop)[0]
    direction = torch.randn(crop.shape, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        ends = [(recogniser.embed(crop + sign * 1e-7 * direction) @ target).sum() for sign in (1, -1)]
    assert torch.isclose((ends[0] - ends[1]) / 2e-7, (gradient * direction).sum(), rtol=1e-3)


def face_network(path: Path, size=112, first=(), shape=None) -> Path:
    """The smallest thing with a recogniser's shape: normalise (perhaps), pool, project."""
    nodes = [
        *first,
        helper.make_node("GlobalAveragePool", ["s" if first else "x"], ["p"]),
        helper.make_node("Reshape", ["p", "flat"], ["f"]),
        node("MatMul", "f w"),
    ]
    constants = {"flat": ints(1, 3), "w": floats(3, 16), "m": np.float32(127.5), "k": np.float32(1 / 128)}
    used = {name for n in nodes for name in n.input}
    constants = {name: value for name, value in constants.items() if name in used}
    return save(path, nodes, {"x": shape or [1, 3, size, size]}, {"y": [1, 16]}, constants)


def test_a_file_exported_for_one_face_takes_many(tmp_path):
    recogniser = load_onnx(face_network(tmp_path / "fixed.onnx"))
    crops = torch.rand(4, 3, 112, 112, generator=torch.Generator().manual_seed(0))
    together = recogniser.embed(crops)
    assert together.shape == (4, 16)
    assert torch.allclose(together, torch.cat([recogniser.embed(c[None]) for c in crops]), atol=1e-6)


def test_scaling_is_read_from_the_graph(tmp_path):
    inside = [helper.make_node("Sub", ["x", "m"], ["d"]), helper.make_node("Mul", ["d", "k"], ["s"])]
    assert load_onnx(face_network(tmp_path / "in.onnx", first=inside)).card.mean == (0.0, 0.0, 0.0)
    plain = load_onnx(face_network(tmp_path / "out.onnx")).card
    assert plain.mean == (127.5, 127.5, 127.5) and plain.template == "arcface" and plain.dim == 16


@pytest.mark.parametrize(
    ("name", "family", "channels", "commercial"),
    [
        ("w600k_r50", "arcface-ir", "RGB", False),
        ("adaface_ir101", "arcface-ir", "BGR", None),
        ("other", "other", "RGB", None),
    ],
)
def test_what_a_file_name_says(tmp_path, name, family, channels, commercial):
    card = load_onnx(face_network(tmp_path / f"{name}.onnx")).card
    assert (card.name, card.family, card.channels, card.commercial) == (name, family, channels, commercial)


def test_the_side_car_has_the_last_word(tmp_path):
    path = face_network(tmp_path / "w600k_r50.onnx")
    path.with_suffix(".json").write_text(json.dumps({"channels": "BGR", "thresholds": {"1e-2": 0.3}}))
    card = load_onnx(path).card
    assert card.channels == "BGR" and card.threshold() == 0.3 and card.input_size == 112
    path.with_suffix(".json").write_text(json.dumps({"input_size": 112, "template": "arcface"}))
    assert describe_onnx(path).family == "arcface-ir"


def test_an_unusual_size_needs_a_side_car(tmp_path):
    path = face_network(tmp_path / "odd.onnx", size=96)
    with pytest.raises(ModelError, match=r"odd\.json.*template"):
        load_onnx(path)
    path.with_suffix(".json").write_text(json.dumps({"template": "arcface"}))
    assert load_onnx(path).embed(torch.rand(2, 3, 96, 96)).shape == (2, 16)


def test_unsupported_operators_are_all_named(tmp_path):
    nodes = [helper.make_node("Acos", ["x"], ["a"]), node("Sinh", "a")]
    with pytest.raises(ModelError, match="Acos, Sinh"):
        OnnxGraph(save(tmp_path / "x.onnx", nodes, {"x": [1, 3, 4, 4]}, {"y": None}))


@pytest.mark.parametrize("content", [b"", b"no network", b"\x08\x07" * 40])
def test_damaged_files_are_named(tmp_path, content):
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"bad\.onnx"):
        load_onnx(path)


def test_inputs_that_are_no_pictures_are_refused(tmp_path):
    with pytest.raises(ModelError, match="three channels"):
        load_onnx(save(tmp_path / "flat.onnx", [node("Relu")], {"x": [1, 7]}, {"y": None}))
    with pytest.raises(ModelError, match="no weights file"):
        load_onnx(tmp_path / "absent.onnx")
