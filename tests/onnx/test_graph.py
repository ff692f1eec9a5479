"""The ONNX importer against onnxruntime: single operators, small networks, batches, gradients and refusals."""

from __future__ import annotations

import inspect
import weakref
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from faceveil.core.errors import ModelError
from faceveil.core.onnx import graph as onnx_graph
from faceveil.core.onnx import operators as onnx_ops
from faceveil.core.onnx.graph import OnnxGraph

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")
helper, numpy_helper = onnx.helper, onnx.numpy_helper

RNG = np.random.default_rng(0)
X = (2, 4, 7, 8)


def model(nodes, outputs=("y",), shape=X, opset=17, **constants):
    """A small model that reads x; `constants` are arrays by name."""
    value = lambda name, shape: helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
    weights = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "small", [value("x", shape)], [value(name, None) for name in outputs], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8 if opset < 21 else 11)


def runtime(proto, x):
    exact = ort.SessionOptions()  # its shortcuts round activations to whole numbers
    exact.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(proto.SerializeToString(), exact, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})


def assert_agrees(proto, x, tolerance=1e-5):
    expected = runtime(proto, x)
    with torch.no_grad():
        made = OnnxGraph(proto)(torch.from_numpy(x))
    made = made if isinstance(made, tuple) else (made,)
    assert len(made) == len(expected)
    for ours, theirs in zip(made, expected, strict=True):
        assert ours.shape == theirs.shape
        assert np.abs(ours.numpy() - theirs).max(initial=0) < tolerance


def floats(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def ints(*values):
    return np.array(values, dtype=np.int64)


def single(*values):
    return np.array(values if len(values) != 1 else values[0], dtype=np.float32)


def node(kind, inputs="x", outputs="y", **attributes):
    """ "-" stands for an input that is left out."""
    return helper.make_node(kind, [name.strip("-") for name in inputs.split()], outputs.split(), **attributes)


def op(kind, inputs="x", opset=17, attributes=None, outputs="y", **constants):
    return (node(kind, inputs, outputs, **(attributes or {})),), opset, constants


POOL = {"kernel_shape": [3, 3], "strides": [2, 2]}
DOUBLE, SHRINK = single(1, 1, 2, 2), single(1, 1, 0.6, 1.5)
W = floats(6, 4, 3, 3)

CASES = {
    "conv": op("Conv", "x w b", attributes={"pads": [1, 1, 1, 1], "strides": [2, 2]}, w=W, b=floats(6)),
    "conv lopsided pads": op("Conv", "x w", attributes={"pads": [0, 1, 2, 0]}, w=W),
    "conv groups dilated": op("Conv", "x w", attributes={"group": 4, "dilations": [2, 2]}, w=floats(8, 1, 3, 3)),
    "conv same upper": op("Conv", "x w", attributes={"auto_pad": "SAME_UPPER", "strides": [2, 2]}, w=W),
    "conv same lower": op("Conv", "x w", attributes={"auto_pad": "SAME_LOWER", "strides": [2, 2]}, w=W),
    "conv valid": op("Conv", "x w", attributes={"auto_pad": "VALID"}, w=W),
    "batch norm": op("BatchNormalization", "x s b m v", s=floats(4), b=floats(4), m=floats(4), v=abs(floats(4)) + 0.1),
    "instance norm": op("InstanceNormalization", "x s b", s=floats(4), b=floats(4)),
    "layer norm": op("LayerNormalization", "x s b", attributes={"axis": -1}, s=floats(8), b=floats(8)),
    "layer norm two axes": op("LayerNormalization", "x s", attributes={"axis": 2}, s=floats(7, 8)),
    "lp norm": op("LpNormalization", attributes={"axis": 1, "p": 2}),
    "prelu by channel": op("PRelu", "x s", s=floats(4, 1, 1)),
    "prelu one slope": op("PRelu", "x s", s=floats(1)),
    "prelu by column": op("PRelu", "x s", s=floats(8)),
    "leaky relu": op("LeakyRelu", attributes={"alpha": 0.2}),
    "hard sigmoid": op("HardSigmoid", attributes={"alpha": 0.3}),
    "hard swish": op("HardSwish"),
    "elu": op("Elu", attributes={"alpha": 0.7}),
    "gelu tanh": op("Gelu", opset=20, attributes={"approximate": "tanh"}),
    "gelu": op("Gelu", opset=20),
    "clip inputs": op("Clip", "x lo hi", lo=single(-0.5), hi=single(0.5)),
    "clip one side": op("Clip", "x - hi", hi=single(0.5)),
    "clip attributes": op("Clip", opset=6, attributes={"min": -0.5, "max": 0.5}),
    "max of three": op("Max", "x a b", a=floats(8), b=floats(4, 1, 1)),
    "min of three": op("Min", "x a b", a=floats(8), b=floats(4, 1, 1)),
    "sum of three": op("Sum", "x a b", a=floats(8), b=floats(4, 1, 1)),
    "softmax": op("Softmax", attributes={"axis": 1}),
    "softmax of old": op("Softmax", opset=11, attributes={"axis": 2}),
    "softmax of old, default": op("Softmax", opset=9),
    "max pool": op("MaxPool", attributes={**POOL, "pads": [1, 1, 1, 1]}),
    "max pool lopsided": op("MaxPool", attributes={**POOL, "pads": [0, 0, 1, 1]}),
    "max pool ceil": op("MaxPool", attributes={**POOL, "ceil_mode": 1}),
    "max pool dilated": op("MaxPool", attributes={"kernel_shape": [2, 2], "dilations": [2, 2]}),
    "average pool": op("AveragePool", attributes={**POOL, "pads": [1, 1, 1, 1]}),
    "average pool counting": op("AveragePool", attributes={**POOL, "pads": [1, 1, 1, 1], "count_include_pad": 1}),
    "average pool ceil": op("AveragePool", attributes={"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}),
    "average pool same": op("AveragePool", attributes={**POOL, "auto_pad": "SAME_UPPER"}),
    "global average": op("GlobalAveragePool"),
    "global maximum": op("GlobalMaxPool"),
    "flatten": op("Flatten"),
    "flatten from 0": op("Flatten", attributes={"axis": 0}),
    "flatten from -1": op("Flatten", attributes={"axis": -1}),
    "transpose": op("Transpose", attributes={"perm": [0, 2, 3, 1]}),
    "transpose reversing": op("Transpose"),
    "reshape": op("Reshape", "x s", s=ints(0, 2, -1)),
    "unsqueeze": op("Unsqueeze", "x a", a=ints(-1, 0)),
    "unsqueeze of old": op("Unsqueeze", opset=11, attributes={"axes": [0, 3]}),
    "slice backwards": op("Slice", "x s e a t", s=ints(6, 0), e=ints(-100, 5), a=ints(2, -1), t=ints(-2, 2)),
    "slice empty": op("Slice", "x s e a", s=ints(0), e=ints(-100), a=ints(2)),
    "slice of old": op("Slice", opset=9, attributes={"starts": [1, 2], "ends": [2, 1 << 40], "axes": [0, 3]}),
    "gather": op("Gather", "x i", attributes={"axis": 2}, i=ints(3, -1, 0)),
    "gather one of the last": op("Gather", "x i", attributes={"axis": -1}, i=np.int64(-2)),
    "split": op("Split", "x n", attributes={"axis": 1}, outputs="y z", n=ints(1, 3)),
    "split evenly": op("Split", opset=11, attributes={"axis": 1}, outputs="y z"),
    "split unevenly": op("Split", opset=18, attributes={"axis": 2, "num_outputs": 3}, outputs="y z w"),
    "tile": op("Tile", "x r", r=ints(1, 2, 1, 3)),
    "expand": op("Expand", "x s", s=ints(3, 1, 1, 1, 1)),
    "mean": op("ReduceMean", attributes={"axes": [2, 3], "keepdims": 0}),
    "mean of all": op("ReduceMean"),
    "mean, axes as input": op("ReduceMean", "x a", opset=18, a=ints(-1)),
    "sum": op("ReduceSum", "x a", a=ints(1)),
    "sum of no axes": op("ReduceSum", "x a", attributes={"noop_with_empty_axes": 1}, a=ints()),
    "length": op("ReduceL2", attributes={"axes": [1]}),
    "maximum": op("ReduceMax", attributes={"axes": [1, -1], "keepdims": 0}),
    "pad": op("Pad", "x p v", p=ints(0, 0, 1, 2, 0, 1, 3, -1), v=single(0.5)),
    "pad reflect": op("Pad", "x p", attributes={"mode": "reflect"}, p=ints(0, 1, 1, 2, 0, 0, 3, 1)),
    "pad edge": op("Pad", "x p", attributes={"mode": "edge"}, p=ints(0, 0, 1, 2, 0, 0, 9, 1)),
    "pad of old": op("Pad", opset=10, attributes={"pads": [0, 0, 1, 1, 0, 0, 2, 2], "value": 0.3}),
    "upsample of old": op("Upsample", "x s", opset=9, attributes={"mode": "nearest"}, s=DOUBLE),
    "resize of old": op("Resize", "x s", opset=10, attributes={"mode": "linear"}, s=DOUBLE),
    "resize nearest": op("Resize", "x - s", s=SHRINK),
    "resize nearest, as torch": op(
        "Resize",
        "x - s",
        attributes={"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
        s=DOUBLE,
    ),
    "resize linear": op("Resize", "x - s", attributes={"mode": "linear"}, s=SHRINK),
    "resize to size": op("Resize", "x - - n", attributes={"mode": "linear"}, n=ints(2, 4, 5, 16)),
    "resize corners": op(
        "Resize",
        "x - - n",
        attributes={"mode": "linear", "coordinate_transformation_mode": "align_corners"},
        n=ints(2, 4, 13, 3),
    ),
    "einsum": op("Einsum", "x w", attributes={"equation": "bchw,wd->bhdc"}, w=floats(8, 5)),
    "cumulative sum": op("CumSum", "x a", a=np.int64(2)),
    "cumulative sum from behind": op("CumSum", "x a", attributes={"reverse": 1, "exclusive": 1}, a=np.int64(-1)),
    "gather elements": op("GatherElements", "x i", attributes={"axis": 3}, i=RNG.integers(-8, 8, X)),
    "gather by places": op("GatherND", "x i", i=np.array([[0, 1, 2], [1, 3, -1]])),
    "upper triangle": op("Trilu", "x k", k=np.int64(1)),
    "lower triangle": op("Trilu", attributes={"upper": 0}),
    "depth to space": op("DepthToSpace", attributes={"blocksize": 2}),
    "depth to space, columns first": op("DepthToSpace", attributes={"blocksize": 2, "mode": "CRD"}),
    "space to depth": op("SpaceToDepth", attributes={"blocksize": 1}),
    "group norm": op("GroupNormalization", "x s b", opset=21, attributes={"num_groups": 2}, s=floats(4), b=floats(4)),
    "rms norm": op("RMSNormalization", "x s", opset=23, attributes={"axis": -1}, s=floats(8)),
    "log softmax": op("LogSoftmax", attributes={"axis": 1}),
    "log softmax of old": op("LogSoftmax", opset=11),
    "sum of squares": op("ReduceSumSquare", attributes={"axes": [1]}),
    "sum of sizes": op("ReduceL1", attributes={"axes": [1], "keepdims": 0}),
    "mish": op("Mish", opset=18),
    "selu": op("Selu"),
    "attention": op("Attention", "x k v", opset=23, k=floats(2, 4, 5, 8), v=floats(2, 4, 5, 6)),
    "attention with a mask": op(
        "Attention", "x k v m", opset=23, k=floats(2, 4, 5, 8), v=floats(2, 4, 5, 6), m=floats(7, 5)
    ),
    "attention of shared keys": op("Attention", "x k v", opset=23, k=floats(2, 2, 5, 8), v=floats(2, 2, 5, 8)),
    "mod": op("Mod", "x c", attributes={"fmod": 1}, c=single(0.3)),
}
PLAIN = (
    "Abs",
    "Ceil",
    "Cos",
    "Sign",
    "Sin",
    "Erf",
    "Exp",
    "Floor",
    "Identity",
    "Neg",
    "Reciprocal",
    "Relu",
    "Sigmoid",
    "Softplus",
    "Tanh",
)
CASES |= {kind.lower(): op(kind) for kind in PLAIN}
CASES |= {f"{kind.lower()} a number": op(kind, "x c", c=single(1.7)) for kind in ("Add", "Div", "Mul", "Sub", "Max")}


@pytest.mark.parametrize("name", CASES)
def test_operator_agrees_with_onnxruntime(name):
    nodes, opset, constants = CASES[name]
    assert_agrees(model(nodes, tuple(nodes[-1].output), opset=opset, **constants), floats(*X))


CHAINS = {
    "attention of heads side by side": (
        [
            node("Reshape", "x s", "q"),
            node("Attention", "q k v", q_num_heads=4, kv_num_heads=2, scale=0.3),
        ],
        {"s": ints(2, 28, 8), "k": floats(2, 5, 4), "v": floats(2, 5, 4)},
    ),
    "whole numbers in blocks": (
        [node("DequantizeLinear", "w s z", "f", axis=1, block_size=4), node("MatMul", "x f")],
        {
            "w": RNG.integers(-128, 128, (8, 10)).astype(np.int8),
            "s": 0.001 * abs(floats(8, 3)),
            "z": RNG.integers(-9, 9, (8, 3)).astype(np.int8),
        },
    ),
    "whole numbers by row": (
        [node("DequantizeLinear", "w s", "f", axis=0), node("MatMul", "x f")],
        {"w": RNG.integers(0, 256, (8, 10)).astype(np.uint8), "s": 0.001 * abs(floats(8))},
    ),
    "whole numbers with one scale": (
        [node("DequantizeLinear", "w s z", "f"), node("MatMul", "x f")],
        {"w": RNG.integers(0, 256, (8, 10)).astype(np.uint8), "s": single(0.001), "z": np.uint8(7)},
    ),
    "size and kind of another": (
        [node("Size", "x", "n"), node("CastLike", "n x", "f"), node("Div", "x f")],
        {},
    ),
    "arithmetic": (
        [node("Sub", "x c", "a"), node("Pow", "a two", "b"), node("Sqrt", "b", "d"), node("Log", "d")],
        {"c": single(9.0), "two": single(2)},
    ),
    "where": (
        [node("Greater", "x c", "g"), node("Not", "g", "n"), node("Where", "n x c")],
        {"c": single(0.1)},
    ),
    "shape arithmetic": (
        [
            node("Shape", "x", "s"),
            node("Slice", "s zero one", "head"),
            node("Gather", "s place", "n"),
            node("Cast", "n", "f", to=1),
            node("Mul", "f half", "h"),
            node("Cast", "h", "i", to=7),
            node("Unsqueeze", "i zero", "u"),
            node("Concat", "head u rest", "t", axis=0),
            node("Reshape", "x t"),
        ],
        {"zero": ints(0), "one": ints(1), "place": np.int64(1), "half": single(0.5), "rest": ints(-1)},
    ),
    "constant of shape": (
        [
            node("Shape", "x", "s"),
            node("ConstantOfShape", "s", "c", value=numpy_helper.from_array(np.array([2.5], np.float32))),
            node("Add", "x c"),
        ],
        {},
    ),
    "whole numbers divide to whole numbers": (
        [node("Shape", "x", "s"), node("Div", "s d", "h"), node("Slice", "x z h a")],
        {"d": ints(2, 2, 2, 2), "z": ints(0, 0, 0, 0), "a": ints(0, 1, 2, 3)},
    ),
    "second outputs nobody reads": (
        [node("Dropout", "x", "d mask"), node("Relu", "d")],
        {},
    ),
    "gemm": (
        [node("Flatten", "x", "f"), node("Gemm", "f w b", transB=1, alpha=0.5, beta=2.0)],
        {"w": floats(5, 224), "b": floats(5)},
    ),
    "squeeze": ([node("ReduceMean", "x", "m", axes=[1, 3]), node("Squeeze", "m a")], {"a": ints(-1, 1)}),
    "squeeze all": ([node("ReduceMean", "x", "m", axes=[3]), node("Squeeze", "m")], {}),
    "weights in Constant nodes": (
        [node("Constant", "", "w", value=numpy_helper.from_array(W)), node("Conv", "x w")],
        {},
    ),
}
CHAINS["weights in Constant nodes"][0][0].ClearField("input")


OPSETS = {"attention of heads side by side": 23, "whole numbers in blocks": 21}


@pytest.mark.parametrize("name", CHAINS)
def test_chain_agrees_with_onnxruntime(name):
    nodes, constants = CHAINS[name]
    assert_agrees(model(nodes, opset=OPSETS.get(name, 17), **constants), floats(*X))


def transformer(batch):
    """Patches, four heads, GELU spelled with Erf; every Reshape target is a constant."""
    nodes = [
        node("Conv", "x wp", "p", strides=[4, 4]),
        node("Reshape", "p rows", "r"),
        node("Transpose", "r", "t", perm=[0, 2, 1]),
        node("LayerNormalization", "t s b", "n", axis=-1),
        *(node("MatMul", f"n w{k}", k) for k in "qkv"),
        *(node("Reshape", f"{k} heads", f"{k}h") for k in "qkv"),
        node("Transpose", "qh", "qt", perm=[0, 2, 1, 3]),
        node("Transpose", "kh", "kt", perm=[0, 2, 3, 1]),
        node("Transpose", "vh", "vt", perm=[0, 2, 1, 3]),
        node("MatMul", "qt kt", "scores"),
        node("Mul", "scores scale", "scaled"),
        node("Softmax", "scaled", "share", axis=-1),
        node("MatMul", "share vt", "o"),
        node("Transpose", "o", "ot", perm=[0, 2, 1, 3]),
        node("Reshape", "ot back", "joined"),
        node("Add", "joined t", "sum"),
        node("Mul", "sum root", "g"),
        node("Erf", "g", "e"),
        node("Add", "e one", "e1"),
        node("Mul", "sum e1", "gelu"),
        node("Reshape", "gelu flat", "f"),
        node("MatMul", "f wo"),
    ]
    weights = {"wp": floats(16, 3, 4, 4), "s": floats(16), "b": floats(16), "wo": floats(64, 8) / 8}
    weights |= {f"w{k}": floats(16, 16) / 4 for k in "qkv"}
    weights |= {"scale": single(0.5), "root": single(2**-0.5), "one": single(1)}
    weights |= {"rows": ints(1, 16, 4), "heads": ints(1, 4, 4, 4), "back": ints(1, 4, 16), "flat": ints(1, -1)}
    return model(nodes, shape=[batch, 3, 8, 8], **weights)


def one_by_one(proto, x):
    return np.concatenate([runtime(proto, picture[None])[0] for picture in x])


@pytest.mark.parametrize("batch", [1, "n"])
def test_transformer_with_a_baked_in_batch_of_one_takes_any(batch):
    proto = transformer(batch)
    graph = OnnxGraph(proto)
    x = floats(5, 3, 8, 8)
    with torch.no_grad():
        assert np.abs(graph(torch.from_numpy(x)).numpy() - one_by_one(proto, x)).max() < 1e-5
        assert np.abs(graph(torch.from_numpy(x[:1])).numpy() - runtime(proto, x[:1])[0]).max() < 1e-5
    assert graph._together, "the Reshape rule should do; running one by one is for what it cannot mend"


@pytest.mark.parametrize("target", [(1, -1), (1, 224), (1, 4, -1)])
def test_reshape_keeps_the_batch_of_files_exported_for_one_picture(target):
    proto = model([node("Relu", "x", "r"), node("Reshape", "r s")], shape=[1, *X[1:]], s=ints(*target))
    x = floats(3, *X[1:])
    assert np.array_equal(OnnxGraph(proto)(torch.from_numpy(x)).numpy(), one_by_one(proto, x))


def test_reshape_of_weights_is_left_alone_when_they_have_as_many_rows_as_the_batch():
    nodes = [node("Reshape", "table s", "t"), node("MatMul", "x m", "p"), node("Add", "p t")]
    proto = model(nodes, shape=[1, 4, 3, 12], table=floats(3, 4), s=ints(1, -1), m=floats(12, 12) / 4)
    x = floats(3, 4, 3, 12)
    assert np.abs(OnnxGraph(proto)(torch.from_numpy(x)).numpy() - one_by_one(proto, x)).max() < 1e-5


def test_a_file_exported_for_several_pictures_may_merge_them():
    assert_agrees(model([node("Reshape", "x s")], s=ints(1, -1)), floats(*X))


def test_a_batch_baked_in_beyond_reshape_runs_one_by_one():
    """(heads, tokens, width) targets, as fixed exports of torch's attention have, hold no place for a batch."""
    nodes = [
        node("Reshape", "x s", "h"),
        node("Softmax", "h", "p", axis=0),
        node("Transpose", "p", "t", perm=[1, 0, 2]),
        node("Reshape", "t back"),
    ]
    proto = model(nodes, shape=[1, *X[1:]], s=ints(4, -1, 8), back=ints(-1, 224))
    graph = OnnxGraph(proto)
    x = torch.from_numpy(floats(5, *X[1:])).requires_grad_()
    made = graph(x)
    assert np.abs(made.detach().numpy() - one_by_one(proto, x.detach().numpy())).max() < 1e-6
    gradient = torch.autograd.grad(made[2].square().sum(), x)[0]
    assert gradient[2].abs().sum() > 0 and not gradient[[0, 1, 3, 4]].any()


def detector():
    """SCRFD's shape: strides, an upsampled sum, and two heads laid out as (places, values)."""
    nodes = [
        node("Conv", "x w1", "c1", pads=[1, 1, 1, 1], strides=[2, 2]),
        node("Relu", "c1", "r1"),
        node("Conv", "r1 w2", "c2", pads=[1, 1, 1, 1], strides=[2, 2]),
        node("Shape", "r1", "shape"),
        node("Slice", "shape two four", "side"),
        node("Shape", "c2", "below"),
        node("Slice", "below zero two", "head"),
        node("Concat", "head side", "size", axis=0),
        node(
            "Resize",
            "c2 - - size",
            "up",
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        ),
        node("Add", "r1 up", "sum"),
        node("Concat", "sum r1", "both", axis=1),
        node("Conv", "both w3", "heads"),
        node("Split", "heads parts", "a b", axis=1),
        node("Transpose", "a", "at", perm=[2, 3, 0, 1]),
        node("Reshape", "at one", "al"),
        node("Sigmoid", "al", "scores"),
        node("Transpose", "b", "bt", perm=[2, 3, 0, 1]),
        node("Reshape", "bt four_each", "boxes"),
    ]
    weights = {"w1": floats(8, 3, 3, 3) / 5, "w2": floats(8, 8, 3, 3) / 9, "w3": floats(10, 16, 1, 1) / 4}
    weights |= {"zero": ints(0), "two": ints(2), "four": ints(4), "parts": ints(2, 8)}
    weights |= {"one": ints(-1, 1), "four_each": ints(-1, 4)}
    return model(nodes, ("scores", "boxes"), shape=[1, 3, "h", "w"], **weights)


@pytest.mark.parametrize("side", [(16, 16), (24, 40)])
def test_detector_agrees_with_onnxruntime(side):
    assert_agrees(detector(), floats(1, 3, *side))


def test_detector_gives_pictures_in_order():
    """Its outputs do not start with the batch, and would be interleaved by one run over both pictures."""
    x = floats(2, 3, 16, 16)
    proto = detector()
    each = [runtime(proto, picture[None]) for picture in x]
    scores, boxes = OnnxGraph(proto)(torch.from_numpy(x))
    assert np.abs(scores.numpy() - np.concatenate([one[0] for one in each])).max() < 1e-5
    assert np.abs(boxes.numpy() - np.concatenate([one[1] for one in each])).max() < 1e-5


def test_gradient_agrees_with_finite_differences():
    graph = OnnxGraph(transformer(1)).double()
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 8, 8, generator=generator, dtype=torch.float64).requires_grad_()
    weights = torch.randn(2, 8, generator=generator, dtype=torch.float64)
    gradient = torch.autograd.grad((graph(x) * weights).sum(), x)[0]
    for _ in range(3):
        step = 1e-6 * torch.randn(x.shape, generator=generator, dtype=torch.float64)
        with torch.no_grad():
            difference = ((graph(x + step) - graph(x - step)) * weights).sum() / 2
        assert torch.isclose(difference, (gradient * step).sum(), rtol=1e-6)


def test_weights_are_frozen_and_move_while_shapes_stay_on_the_cpu():
    """The meta device stands in for a GPU: it refuses to meet CPU tensors in just the same way."""
    for proto, shape in ((transformer(1), (1, 3, 8, 8)), (detector(), (1, 3, 16, 16))):
        graph = OnnxGraph(proto)
        assert not list(graph.parameters())
        assert not any(buffer.requires_grad for buffer in graph.buffers())
        made = graph.to("meta")(torch.rand(shape, device="meta"))
        assert all(part.device.type == "meta" for part in (made if isinstance(made, tuple) else (made,)))
    for name in ("shape arithmetic", "constant of shape"):
        nodes, constants = CHAINS[name]
        graph = OnnxGraph(model(nodes, shape=[1, *X[1:]], **constants)).to("meta")
        assert graph(torch.rand((1, *X[1:]), device="meta")).device.type == "meta"


def test_half_precision_files_run_in_single():
    nodes = [node("Cast", "x", "h", to=10), node("Conv", "h w", "c"), node("Cast", "c", to=1)]
    proto = model(nodes, w=W.astype(np.float16))
    made = OnnxGraph(proto)(torch.from_numpy(floats(*X)))
    assert made.dtype == torch.float32
    assert next(OnnxGraph(proto).buffers()).dtype == torch.float32


def test_values_are_freed_after_their_last_use(monkeypatch):
    """Forty layers must not hold forty maps at once."""
    alive, most = weakref.WeakSet(), 0

    def counted(x):
        nonlocal most
        made = x + 1
        alive.add(made)
        most = max(most, len(alive))
        return made

    monkeypatch.setitem(onnx_ops.OPERATORS, "Relu", lambda attributes: counted)
    names = ["x", *(f"v{index}" for index in range(39)), "y"]
    nodes = [node("Relu", before, after) for before, after in pairwise(names)]
    OnnxGraph(model(nodes))(torch.zeros(X))
    assert most <= 3


def test_attributes_are_read_once(monkeypatch):
    graph = OnnxGraph(transformer(1))
    monkeypatch.setattr(helper, "get_attribute_value", None)
    monkeypatch.setattr(numpy_helper, "to_array", None)
    assert graph(torch.rand(1, 3, 8, 8)).shape == (1, 8)


def test_parts_out_of_order_are_put_in_order():
    proto = model([node("Relu", "x", "a"), node("Neg", "a", "b"), node("Exp", "b")])
    x = floats(*X)
    expected = runtime(proto, x)[0]
    backwards = list(proto.graph.node)[::-1]
    del proto.graph.node[:]
    proto.graph.node.extend(backwards)
    assert np.abs(OnnxGraph(proto)(torch.from_numpy(x)).numpy() - expected).max() < 1e-6


@pytest.mark.parametrize(
    ("nodes", "says"),
    [
        ([node("Acos", "x", "a"), node("Sinh", "a", "b"), node("Acos", "b")], "Acos, Sinh"),
        ([node("QuantizeLinear", "x c", "a"), node("DequantizeLinear", "a c")], "Quant.*float one"),
        ([helper.make_node("Relu", ["x"], ["y"], domain="com.example")], r"com\.example\.Relu"),
        ([node("Resize", "x - c", mode="cubic")], "Resize.*cubic"),
        ([node("Pad", "x c", mode="wrap")], "Pad.*wrap"),
        ([node("Cast", "x", to=8)], "Cast"),
        ([node("Relu", "nowhere")], "damaged"),
        ([node("Add", "x y", "z"), node("Relu", "z")], "damaged"),
        ([node("Relu", "x", "z")], "damaged"),
    ],
)
def test_what_cannot_run_is_refused_at_once(nodes, says):
    with pytest.raises(ModelError, match=says):
        OnnxGraph(model(nodes, c=floats(1)))


def test_two_inputs_are_refused():
    proto = model([node("Add", "x x2")])
    proto.graph.input.append(helper.make_tensor_value_info("x2", onnx.TensorProto.FLOAT, X))
    with pytest.raises(ModelError, match="2 inputs"):
        OnnxGraph(proto)


def test_weights_listed_among_the_inputs_are_no_inputs():
    proto = model([node("Conv", "x w")], w=W)
    proto.graph.input.append(helper.make_tensor_value_info("w", onnx.TensorProto.FLOAT, W.shape))
    assert_agrees(proto, floats(*X))


def test_importing_does_not_import_onnx():
    source = Path(inspect.getfile(onnx_graph)).read_text(encoding="utf-8")
    assert not [line for line in source.splitlines() if line.startswith(("import onnx", "from onnx import"))]
