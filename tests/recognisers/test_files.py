"""Which files decide what a recogniser says: when one is another, a photo is done again."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import set_external_data

from faceveil.core.errors import ModelError
from faceveil.core.model_files.places import BUNDLED
from faceveil.core.recognisers.catalogue import calibration_file
from faceveil.core.recognisers.files import files_of


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEVEIL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    return tmp_path


def network(path, *beside):
    """A graph that adds up tensors, of which each of `beside` lies in a file of its own."""
    weights = [numpy_helper.from_array(np.ones(3, np.float32), f"w{at}") for at in range(len(beside))]
    names = ["x", *(weight.name for weight in weights)]
    nodes = [helper.make_node("Sum", names, ["y"])]
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [3]) for name in "xy"]
    model = helper.make_model(helper.make_graph(nodes, "sum", value[:1], value[1:], weights))
    for weight, name in zip(model.graph.initializer, beside, strict=True):
        set_external_data(weight, name)
    onnx.save(model, str(path))
    return path


def test_one_that_is_built_in_is_its_weights_and_its_thresholds():
    assert files_of("dlib") == [BUNDLED, calibration_file("dlib", None)]


def test_a_file_is_itself_and_the_thresholds_beside_it(folder):
    plain = network(folder / "mine.onnx")
    assert files_of(plain) == [plain, calibration_file("mine", plain)]


def test_weights_that_lie_beside_a_graph_count_once_each(folder):
    split = network(folder / "mine.onnx", "b.data", "a.data", "b.data")
    assert files_of(split) == [split, folder / "a.data", folder / "b.data", calibration_file("mine", split)]


def test_a_graph_that_cannot_be_read_is_still_a_file(folder):
    (folder / "odd.onnx").write_bytes(b"no graph")
    assert files_of(folder / "odd.onnx")[0] == folder / "odd.onnx" and len(files_of(folder / "odd.onnx")) == 2


def test_a_name_that_nobody_has_is_an_error():
    with pytest.raises(ModelError):
        files_of("nobody")
