"""Weights and descriptions from strangers: nothing in them runs, and whatever is wrong is said."""

from __future__ import annotations

import json
import os
import pickle
import zipfile

import onnx
import pytest
import torch
from hostility import Kept, share
from safetensors.torch import save_file
from tiny_networks import tiny_recogniser

from faceveil.core.engines.tiny import load_tiny
from faceveil.core.perception.backbones import Backbone
from faceveil.core.recognisers.card import read_card
from faceveil.core.recognisers.catalogue import entries, load_recogniser
from faceveil.core.trajectory.record import Trajectory

pytestmark = pytest.mark.slow


def flipped(data: bytes, chance, most: int = 20) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, most)):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed[: chance.choice([len(changed), len(changed), chance.randrange(len(changed))])])


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
ODD = (-99, 10**12, 1.5, "text", [1, 2, 3], [])
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


SOUND = {
    **{"name": "net", "family": "f", "input_size": 112, "template": "arcface", "channels": "RGB", "dim": 128},
    **{"mean": [127.5] * 3, "scale_after_mean": 0.0078125, "input_range": [0, 255], "commercial": None},
    **{"thresholds": {"1e-2": 0.3, "1e-3": 0.4}, "tar": {"1e-2": 0.9}, "licence": "free", "source": "here"},
}
ODDITIES = (
    None,
    True,
    -1,
    0,
    1e308,
    10**400,
    float("nan"),
    float("inf"),
    "",
    "text",
    "\x1b[2J\n",
    [],
    [1],
    {},
    {"a": 1},
)
ODDITIES += ([[[]]], {"1e-2": "x"}, {"nan": 0.5}, {"1e-2": float("nan")}, ["a", "b", "c"], {"": {}}, "x" * 10**5)
TEXTS = (
    b"",
    b"[" * 10**5,
    b"{" * 10**5,
    b"\xff\xfe",
    b"1" * 10**5,
    b"null",
    b'{"mean": ' + b"9" * 5000 + b"}",
    b"\0" * 99,
)
TEXTS += (b'{"name": "a", "name": "b"}', b" " * (3 << 20), '{"name": "\ud800"}'.encode("utf-8", "surrogatepass"))


def test_odd_descriptions(tally, chance, tmp_path):
    path = tmp_path / "net.json"
    for number in range(share(0.08)):
        if number % 4:
            keys = chance.sample(list(SOUND), chance.choice([1, 1, 2, 4]))
            told = {**SOUND, **{key: chance.choice(ODDITIES) for key in keys}}
            path.write_text(json.dumps(told))
        else:
            keys = ["text"]
            path.write_bytes(chance.choice([*TEXTS, flipped(json.dumps(SOUND).encode(), chance)]))

        def ask():
            card = read_card(path, name="net", input_size=112, template="arcface")
            if card.thresholds:
                card.impostors(), card.threshold(next(iter(card.thresholds)))

        tally.judge("odd descriptions", ", ".join(keys), ask)


class Payload:
    def __init__(self, path) -> None:
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_weights_that_are_none(tally, chance, tmp_path, monkeypatch):
    """Also of those whose formats can hold programs: nothing may run."""
    ran = tmp_path / "ran"
    torch.save({"a": torch.rand(3, 3), "features.0.weight": torch.rand(64, 3, 3, 3)}, tmp_path / "sound.pth")
    save_file({"1.weight": torch.rand(64, 4, 3, 3), "x@0.5": torch.rand(1, 4, 8, 8)}, tmp_path / "sound.safetensors")
    sound = {suffix: (tmp_path / f"sound{suffix}").read_bytes() for suffix in (".pth", ".safetensors")}
    evil = pickle.dumps({"features.0.weight": Payload(ran)})
    with zipfile.ZipFile(tmp_path / "evil.pth", "w") as pack:
        pack.writestr("archive/data.pkl", evil)
        pack.writestr("archive/version", "3")
    wicked = [
        evil,
        (tmp_path / "evil.pth").read_bytes(),
        pickle.dumps([Payload(ran)], 0),
        b"",
        b"\x80\x02}",
        b"PK\x03\x04",
    ]
    folder = tmp_path / "home" / "models"
    for kind in ("lpips", "vae_approx"):
        (folder / kind).mkdir(parents=True)
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    asks = {
        "ir152.pth": lambda path: load_recogniser(path),
        "facenet.safetensors": lambda path: load_recogniser(path),
        "vgg16-397923af.pth": lambda path: Backbone.load("vgg"),
        "taesd_encoder.safetensors": lambda path: load_tiny("taesd"),
        "path.safetensors": lambda path: Trajectory.load(path),
    }
    for _ in range(share(0.06)):
        name = chance.choice(list(asks))
        kind = {"vgg": "lpips", "tae": "vae_approx"}.get(name[:3], "recognisers")
        suffix = "." + name.rpartition(".")[2]
        path = folder / kind / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(chance.choice([flipped(sound[suffix], chance), sound[suffix], *wicked]))
        if name.startswith("tae"):
            (folder / kind / "taesd_decoder.safetensors").write_bytes(path.read_bytes())
        tally.judge("weights", name, lambda path=path, name=name: asks[name](path), Kept([ran]))
        path.unlink()
