"""Weights and descriptions from strangers: nothing in them runs, and whatever is wrong is said."""

from __future__ import annotations

import json
import os
import pickle
import zipfile

import pytest
import torch
from damaged import flipped
from hostility import Kept, share
from safetensors.torch import save_file

from faceveil.core.engines.tiny import load_tiny
from faceveil.core.perception.backbones import Backbone
from faceveil.core.recognisers.card import read_card
from faceveil.core.recognisers.catalogue import load_recogniser
from faceveil.core.trajectory.files import load_trajectory

pytestmark = pytest.mark.slow

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
            description = {**SOUND, **{key: chance.choice(ODDITIES) for key in keys}}
            path.write_text(json.dumps(description))
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
        "path.safetensors": load_trajectory,
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
