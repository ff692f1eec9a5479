"""Landmarks and parsers from what is on this machine: dlib's own, and small ONNX files made here."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from faceveil.core.errors import ModelError
from faceveil.core.faces.face import Face
from faceveil.core.faces.find import find_faces
from faceveil.core.faces.upright import framing
from faceveil.core.regions.geometry import geometries, onnx_106
from faceveil.core.regions.landmarks import FROM_106, SHAPES
from faceveil.core.regions.named import REGIONS, region_mask
from faceveil.core.regions.parsing import PARTS, Parsed

onnx = pytest.importorskip("onnx")
helper, numpy_helper = onnx.helper, onnx.numpy_helper


def save(path, nodes, shape, output, **constants):
    """A network that reads x and writes y."""
    value = lambda name, sizes: helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, sizes)
    weights = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "small", [value("x", shape)], [value("y", output)], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def landmark_file(path, points: torch.Tensor):
    """Says `points` (106, 2), in pixels of a crop of 192, of any picture."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("MatMul", ["flat", "nothing"], ["none"]),
        helper.make_node("Add", ["none", "points"], ["y"]),
    ]
    output = (points / 96 - 1).reshape(1, -1).numpy().astype(np.float32)
    nothing = np.zeros((3, output.shape[1]), np.float32)
    return save(path, nodes, [None, 3, 192, 192], [None, output.shape[1]], nothing=nothing, points=output)


@pytest.fixture(scope="module")
def face(portrait):
    return find_faces(portrait, which="largest")[0]


@pytest.fixture(scope="module")
def dlib_of():
    pytest.importorskip("dlib")
    pytest.importorskip("face_recognition_models")
    return geometries("dlib68")


def dlib_points(dlib_of, image, face):
    return dlib_of(image)[0].find(face)


def test_dlibs_points_lie_where_the_detectors_do(portrait, face, dlib_of):
    points = dlib_points(dlib_of, portrait, face)
    apart = float((face.points[1] - face.points[0]).norm())
    ours = torch.stack([points[36:42].mean(0), points[42:48].mean(0), points[30], points[48], points[54]])
    assert float((ours - face.points).norm(dim=1).max()) < 0.12 * apart


def test_a_turned_picture_has_turned_landmarks(portrait, face, dlib_of):
    last = portrait.shape[-1] - 1
    points = torch.stack([last - face.points[:, 1], face.points[:, 0]], 1)
    turned = Face((last - face.box[3], face.box[0], last - face.box[1], face.box[2]), points)
    found = dlib_points(dlib_of, portrait.rot90(-1, (2, 3)), turned)
    upright = dlib_points(dlib_of, portrait, face)
    expected = torch.stack([last - upright[:, 1], upright[:, 0]], 1)
    assert float((found - expected).norm(dim=1).max()) < 1.5


@pytest.mark.parametrize("region", sorted(SHAPES))
def test_every_outline_is_drawn_soft_and_near_that_of_five_points(portrait, face, dlib_of, region):
    mask = region_mask([face], [region], *portrait.shape[-2:], geometries=dlib_of(portrait))
    rough = region_mask([face], [region], *portrait.shape[-2:])
    assert mask.shape == rough.shape and float(mask.min()) == 0 and float(mask.max()) > 0.95
    middle = lambda m: torch.stack([i.float().mean() for i in (m[0, 0] > 0.5).nonzero().unbind(1)])
    apart = float((face.points[1] - face.points[0]).norm())
    assert float((middle(mask) - middle(rough)).norm()) < 0.4 * apart


def test_lips_along_landmarks_leave_the_teeth_out(portrait, face, dlib_of):
    geometry = dlib_of(portrait)
    lips = region_mask([face], ["lips"], *portrait.shape[-2:], geometries=geometry)
    x, y = geometry[0].find(face)[60:68].mean(0).round().long().tolist()
    assert float(lips[0, 0, y, x]) < 0.1


def test_hair_is_left_to_the_five_points(portrait, face, dlib_of):
    size = portrait.shape[-2:]
    assert set(REGIONS) - set(SHAPES) == {"hair", "hairline", "bangs"}
    drawn = region_mask([face], ["hair"], *size, geometries=dlib_of(portrait))
    assert torch.equal(drawn, region_mask([face], ["hair"], *size))


def test_106_points_become_the_68_that_dlib_says(portrait, face, dlib_of, tmp_path):
    expected = dlib_points(dlib_of, portrait, face)
    matrix = framing(face, 192, 5.0)
    output = torch.zeros(106, 2)
    output[list(FROM_106)] = expected @ matrix[:, :2].T + matrix[:, 2]
    path = landmark_file(tmp_path / "2d106det.onnx", output)
    assert torch.allclose(onnx_106(path)(portrait)(face), expected, atol=1e-2)
    assert len(set(FROM_106)) == 68 and set(FROM_106) <= set(range(106))
    masks = [
        region_mask([face], ["eyebrows"], *portrait.shape[-2:], geometries=of(portrait))
        for of in (dlib_of, geometries(str(path)))
    ]
    assert float((masks[0] - masks[1]).abs().max()) < 0.05


def test_other_networks_are_no_landmark_models(portrait, face, tmp_path):
    path = landmark_file(tmp_path / "five.onnx", torch.zeros(5, 2))
    with pytest.raises(ModelError, match="gives 10 numbers where 106"):
        onnx_106(path)(portrait)(face)
    with pytest.raises(ModelError, match="no weights file"):
        geometries(str(tmp_path / "missing.onnx"))


def test_a_parser_file_finds_what_it_was_made_to_find(portrait, face, tmp_path):
    """Here: bright is hair, dark is skin; the answers that come beside the first are of no account."""
    weight = np.zeros((len(PARTS), 3, 1, 1), np.float32)
    weight[PARTS.index("hair")], weight[PARTS.index("skin")] = 3, -3
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"], strides=[8, 8])]
    path = save(tmp_path / "bisenet.onnx", nodes, [1, 3, 512, 512], [1, len(PARTS), 64, 64], w=weight)
    seen = geometries("dlib68", path)(portrait)
    assert isinstance(seen[0], Parsed) and len(seen) == 2
    hair, skin = (region_mask([face], [part], *portrait.shape[-2:], geometries=seen) for part in ("hair", "skin"))
    grey = portrait.mean(1, keepdim=True)
    mean = lambda mask: float((grey * mask).sum() / mask.sum())
    assert float((hair * skin).max()) < 0.5 and mean(hair) > mean(skin) + 0.2


def test_other_networks_are_no_parsers(portrait, face, tmp_path):
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"])]
    path = save(tmp_path / "three.onnx", nodes, [1, 3, 64, 64], [1, 3, 64, 64], w=np.zeros((3, 3, 1, 1), np.float32))
    with pytest.raises(ModelError, match="19 parts"):
        region_mask([face], ["hair"], *portrait.shape[-2:], geometries=geometries(parser=path)(portrait))
