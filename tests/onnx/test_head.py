"""A network's description without its weights, against onnx's own reading of the whole file."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, load, numpy_helper, save

from faceveil.core.errors import ModelError
from faceveil.core.onnx.head import read_head

WIDE = 400


@pytest.fixture
def path(tmp_path):
    """Half a megabyte of weights between nodes, with names and numbers around them."""
    weights = np.random.default_rng(0).random((WIDE, WIDE), dtype=np.float32)
    nodes = [
        helper.make_node("Sub", ["x", "mean"], ["y"]),
        helper.make_node("MatMul", ["y", "w"], ["out"], name="the last"),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", WIDE])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["batch", WIDE])],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(np.float32(0.5), "mean")],
        doc_string="what it is",
    )
    save(helper.make_model(graph, producer_name="test"), tmp_path / "net.onnx")
    return tmp_path / "net.onnx"


def test_everything_is_said_but_what_the_weights_hold(path):
    head, whole = read_head(path), load(path)
    assert len(head.SerializeToString()) < 500 < WIDE**2 * 4 < path.stat().st_size
    for side in ("node", "input", "output", "name", "doc_string"):
        assert getattr(head.graph, side) == getattr(whole.graph, side)
    assert (head.opset_import, head.producer_name) == (whole.opset_import, whole.producer_name)
    names = [(w.name, list(w.dims), w.data_type) for w in whole.graph.initializer]
    assert [(w.name, list(w.dims), w.data_type) for w in head.graph.initializer] == names


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_file_that_ends_too_soon_is_refused(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelError, match=r"net\.onnx"):
        read_head(path)


@pytest.mark.parametrize("content", [b"no model at all", b"\x3a" + b"\xff" * 12, b"\x3b\x00", bytes(100)])
def test_what_is_no_model_is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"net\.onnx"):
        read_head(path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"absent\.onnx"):
        read_head(tmp_path / "absent.onnx")
