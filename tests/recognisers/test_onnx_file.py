"""Recognisers from ONNX files: real ones against onnxruntime, what a card is made of, and files we must refuse."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import torch

from faceveil.core.errors import ModelError
from faceveil.core.images import read_photo, to_bchw
from faceveil.core.recognisers.card import Card
from faceveil.core.recognisers.onnx_file import describe_onnx, load_onnx

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")
helper, numpy_helper = onnx.helper, onnx.numpy_helper

REAL = ["mobilefacenet", "faceres"]


def network(path, size=112, shape=None, first=(), outputs=None, last=()):
    """The smallest thing with a recogniser's shape: perhaps normalise, convolve, pool, project to 64 numbers.

    `first` lists operators that the picture passes before the convolution.
    """
    rng = np.random.default_rng(1)
    shape = shape or [1, 3, size, size]
    constants = {"w": rng.standard_normal((8, 3, 4, 4)), "p": rng.standard_normal((8, 64)), "c": np.array(0.5)}
    nodes, value = [], "x"
    if shape[-1] == 3:
        nodes.append(helper.make_node("Transpose", ["x"], ["chw"], perm=[0, 3, 1, 2]))
        value = "chw"
    for index, kind in enumerate(first):
        nodes.append(helper.make_node(kind, [value, "c"], [f"f{index}"]))
        value = f"f{index}"
    nodes += [
        helper.make_node("Conv", [value, "w"], ["a"], strides=[4, 4]),
        helper.make_node("Relu", ["a"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["g"]),
        helper.make_node("Flatten", ["g"], ["f"]),
        helper.make_node("MatMul", ["f", "p"], ["y"]),
        *last,
    ]
    used = {name for node in nodes for name in node.input}
    weights = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in constants.items() if k in used]
    value_info = lambda name, dims: helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, dims)
    outputs = outputs or {"y": [shape[0], 64]}
    graph = helper.make_graph(
        nodes, "small", [value_info("x", shape)], [value_info(*o) for o in outputs.items()], weights
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(proto, path)
    return path


def runtime(path, x):
    """onnxruntime's embeddings, one picture at a time, as files for one picture need it."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: picture[None].numpy()})[0] for picture in x])


def crops_of_photos(folder, count, size):
    """Squares cut at random from photos (count, 3, size, size) in [0, 1]."""
    generator = torch.Generator().manual_seed(0)
    crops = []
    for path in sorted((folder / "a").iterdir())[:count]:
        photo = to_bchw(read_photo(path).pixels)
        top = int(torch.randint(photo.shape[2] - size + 1, (), generator=generator))
        left = int(torch.randint(photo.shape[3] - size + 1, (), generator=generator))
        crops.append(photo[0, :, top : top + size, left : left + size])
    return torch.stack(crops)


@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize("name", REAL)
def test_real_recogniser_agrees_with_onnxruntime(name, batch, shared_recognisers, shared_faces):
    path = shared_recognisers / f"{name}.onnx"
    recogniser = load_onnx(path)
    card = recogniser.card
    crops = crops_of_photos(shared_faces, batch, card.input_size)
    pixels = (crops.flip(1) if card.channels == "BGR" else crops) * 255
    x = (pixels - torch.tensor(card.mean).view(1, 3, 1, 1)) * card.scale_after_mean
    expected = runtime(path, x)
    with torch.no_grad():
        raw, unit = recogniser.network(x).numpy(), recogniser.embed(crops).numpy()
    assert raw.shape == (batch, card.dim)
    assert np.abs(raw - expected).max() < 1e-3
    assert np.abs(unit - expected / np.linalg.norm(expected, axis=1, keepdims=True)).max() < 1e-5


def test_gradient_of_a_real_recogniser_agrees_with_finite_differences(shared_recognisers):
    """In single precision, along the gradient, where the difference stands out of the rounding."""
    recogniser = load_onnx(shared_recognisers / "mobilefacenet.onnx")
    generator = torch.Generator().manual_seed(0)
    crop = torch.rand(1, 3, 112, 112, generator=generator).requires_grad_()
    target = torch.randn(192, generator=generator)
    gradient = torch.autograd.grad(recogniser.embed(crop)[0] @ target, crop)[0]
    step = 0.02 * gradient / gradient.norm()
    with torch.no_grad():
        difference = (recogniser.embed(crop + step) - recogniser.embed(crop - step))[0] @ target / 2
    assert difference == pytest.approx(float((gradient * step).sum()), rel=0.02)


@pytest.mark.parametrize("name", REAL)
def test_real_side_car_is_read(name, shared_recognisers):
    path = shared_recognisers / f"{name}.onnx"
    card, stored = load_onnx(path).card, json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert card.threshold() == stored["thresholds"]["1e-2"] and card.input_size == stored["input_size"]
    assert card == describe_onnx(path)


@pytest.mark.parametrize("batch", [1, "n"])
def test_any_batch(tmp_path, batch):
    recogniser = load_onnx(network(tmp_path / "net.onnx", shape=[batch, 3, 112, 112]))
    crops = torch.rand(3, 3, 112, 112, generator=torch.Generator().manual_seed(0))
    alone = torch.cat([recogniser.embed(crop[None]) for crop in crops])
    assert torch.allclose(recogniser.embed(crops), alone, atol=1e-6)


def test_channels_last_networks_see_the_same_picture(tmp_path):
    first = load_onnx(network(tmp_path / "first.onnx"))
    last = load_onnx(network(tmp_path / "last.onnx", shape=[1, 112, 112, 3]))
    assert last.card.input_size == 112
    crops = torch.rand(2, 3, 112, 112, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(first.embed(crops), last.embed(crops), atol=1e-6)


def test_embedding_is_found_beside_its_length(tmp_path):
    """AdaFace gives (feature, norm)."""
    last = [helper.make_node("ReduceL2", ["y"], ["norm"], axes=[1])]
    for outputs in ({"y": [1, 64], "norm": [1, 1]}, {"norm": [1, 1], "y": [1, 64]}):
        recogniser = load_onnx(network(tmp_path / "net.onnx", outputs=outputs, last=last))
        assert recogniser.card.dim == 64
        assert recogniser.embed(torch.rand(2, 3, 112, 112)).shape == (2, 64)


@pytest.mark.parametrize("outputs", [{"y": [1, 64], "f": [1, 64]}, {"y": None, "f": None}])
def test_several_outputs_are_refused(tmp_path, outputs):
    with pytest.raises(ModelError, match="2 outputs"):
        load_onnx(network(tmp_path / "net.onnx", outputs=outputs))


SCALED = ((127.5, 127.5, 127.5), 1 / 127.5)
AS_IT_IS = ((0.0, 0.0, 0.0), 1.0)


@pytest.mark.parametrize(
    ("first", "scaling"),
    [
        ((), SCALED),
        (("Sub", "Mul"), AS_IT_IS),
        (("Sub", "Div"), AS_IT_IS),
        (("Mul", "Add"), AS_IT_IS),
        (("Mul",), SCALED),
    ],
)
def test_scaling_is_read_from_what_the_picture_passes_first(tmp_path, first, scaling):
    card = load_onnx(network(tmp_path / "net.onnx", first=first)).card
    assert (card.mean, card.scale_after_mean) == scaling


def test_subtracting_after_a_layer_is_no_scaling(tmp_path):
    last = [helper.make_node("Sub", ["y", "c"], ["s"]), helper.make_node("Mul", ["s", "c"], ["z"])]
    path = network(tmp_path / "net.onnx", outputs={"z": [1, 64]}, last=last)
    assert load_onnx(path).card.scale_after_mean == 1 / 127.5


def test_scaling_is_found_behind_parts_that_do_not_touch_the_picture(tmp_path):
    path = network(tmp_path / "net.onnx", first=("Sub", "Mul"))
    proto = onnx.load(path)
    proto.graph.node.insert(0, helper.make_node("Relu", ["w"], ["unread"]))
    onnx.save(proto, path)
    assert load_onnx(path).card.scale_after_mean == 1


@pytest.mark.parametrize(
    ("name", "family", "channels", "scaling", "commercial"),
    [
        ("w600k_r50", "arcface-ir", "RGB", SCALED, False),
        ("glintr100", "arcface-ir", "RGB", SCALED, False),
        ("w600k_mbf", "mobilefacenet", "RGB", SCALED, False),
        ("adaface_ir101_webface12m", "arcface-ir", "BGR", SCALED, None),
        ("adaface_vit_base", "adaface_vit_base", "BGR", SCALED, None),
        ("cvlface_adaface_ir50", "arcface-ir", "RGB", SCALED, None),
        ("cvlface_adaface_vit_base_webface4m", "vit", "RGB", SCALED, None),
        ("face_recognition_sface_2021dec", "sface", "RGB", AS_IT_IS, True),
        ("edgeface_s_gamma_05", "edgenext", "RGB", SCALED, False),
        ("auraface_glintr100", "arcface-ir", "RGB", SCALED, True),
        ("cosface_r18", "cosface_r18", "RGB", SCALED, None),
        ("MobileFaceNet_V2", "mobilefacenet", "RGB", SCALED, None),
        ("ms1mv3_mbf", "mobilefacenet", "RGB", SCALED, None),
        ("my own", "my own", "RGB", SCALED, None),
    ],
)
def test_what_a_file_name_says(tmp_path, name, family, channels, scaling, commercial):
    path = network(tmp_path / f"{name}.onnx")
    card = load_onnx(path).card
    assert (card.name, card.family, card.channels, card.commercial) == (name, family, channels, commercial)
    assert (card.mean, card.scale_after_mean) == scaling
    assert (card.input_size, card.template, card.dim) == (112, "arcface", 64)
    assert any(word in card.licence for word in ("non-commercial", "NC")) == (commercial is False)
    assert describe_onnx(path) == card


def test_the_side_car_has_the_last_word_and_may_be_short(tmp_path):
    path = network(tmp_path / "w600k_r50.onnx")
    path.with_suffix(".json").write_text(json.dumps({"channels": "BGR", "thresholds": {"1e-2": 0.3}}))
    card = load_onnx(path).card
    assert (card.channels, card.threshold(), card.family, card.input_size) == ("BGR", 0.3, "arcface-ir", 112)
    assert describe_onnx(path) == card


def test_a_side_car_that_says_enough_is_believed_unopened(tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(b"no network")
    says = {"input_size": 160, "template": "facenet", "mean": [1, 2, 3], "scale_after_mean": 0.5}
    path.with_suffix(".json").write_text(json.dumps(says))
    assert describe_onnx(path) == Card("net", 160, "facenet", family="net", mean=(1, 2, 3), scale_after_mean=0.5)


def test_a_given_card_comes_before_all_else(tmp_path):
    path = network(tmp_path / "net.onnx", size=96)
    path.with_suffix(".json").write_text("damaged")
    card = Card("mine", 96, "facenet")
    assert load_onnx(path, card).card is card


@pytest.mark.parametrize("shape", [[1, 3, 96, 96], ["n", 3, "h", "w"]])
def test_other_sizes_need_a_side_car_that_the_message_spells_out(tmp_path, shape):
    path = network(tmp_path / "odd.onnx", shape=shape)
    with pytest.raises(ModelError, match=r"odd\.json") as raised:
        load_onnx(path)
    message = str(raised.value)
    assert "template" in message
    path.with_suffix(".json").write_text(message[message.index("{") : message.rindex("}") + 1])
    recogniser = load_onnx(path)
    size = recogniser.card.input_size
    assert size == (96 if shape[2] == 96 else 160)
    assert recogniser.embed(torch.rand(2, 3, size, size)).shape == (2, 64)


def test_a_side_car_with_another_size_is_named(tmp_path):
    path = network(tmp_path / "net.onnx")
    path.with_suffix(".json").write_text(json.dumps({"input_size": 160, "template": "facenet"}))
    with pytest.raises(ModelError, match=r"112 px.*160.*net\.json"):
        load_onnx(path)


def test_a_damaged_side_car_is_named(tmp_path):
    path = network(tmp_path / "net.onnx")
    path.with_suffix(".json").write_text("{")
    with pytest.raises(ModelError, match=r"net\.json"):
        load_onnx(path)


@pytest.mark.parametrize("content", [b"", b"no network", b"\x08\x07" * 40])
def test_files_that_are_no_network_are_named(tmp_path, content):
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    for read in (load_onnx, describe_onnx):
        with pytest.raises(ModelError, match=r"bad\.onnx"):
            read(path)


def test_a_download_that_broke_off_is_named(tmp_path):
    path = network(tmp_path / "bad.onnx")
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(ModelError, match=r"bad\.onnx"):
        load_onnx(path)


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"no weights file.*absent\.onnx"):
        load_onnx(tmp_path / "absent.onnx")


@pytest.mark.parametrize("shape", [[1, 7], [1, 1, 112, 112], [1, 3, 112, 112, 1]])
def test_inputs_that_are_no_pictures_are_refused(tmp_path, shape):
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])], "g", [info("x", 1, shape)], [info("y", 1, shape)]
    )
    onnx.save(helper.make_model(graph, ir_version=8), tmp_path / "flat.onnx")
    with pytest.raises(ModelError, match="three channels"):
        load_onnx(tmp_path / "flat.onnx")


def test_pictures_that_are_not_square_are_refused(tmp_path):
    with pytest.raises(ModelError, match="96x112"):
        load_onnx(network(tmp_path / "tall.onnx", shape=[1, 3, 112, 96]))


def test_weights_beside_the_file_are_read_and_missed(tmp_path):
    plain = load_onnx(network(tmp_path / "net.onnx"))
    proto = onnx.load(tmp_path / "net.onnx")
    path = tmp_path / "split.onnx"
    onnx.save(proto, path, save_as_external_data=True, location="split.bin", size_threshold=0)
    crops = torch.rand(1, 3, 112, 112, generator=torch.Generator().manual_seed(0))
    assert torch.equal(load_onnx(path).embed(crops), plain.embed(crops))
    (tmp_path / "split.bin").unlink()
    with pytest.raises(ModelError, match=r"split\.onnx.*weights file"):
        load_onnx(path)
    assert describe_onnx(path).dim == 64


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    path = network(tmp_path / "net.onnx")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ModelError, match="pip install onnx"):
        load_onnx(path)
