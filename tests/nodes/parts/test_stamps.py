"""When ComfyUI has to ask nodes that read files again."""

from __future__ import annotations

import os

import pytest

from faceveil.core.errors import ModelError
from faceveil.core.recognisers.card import write_card
from faceveil.core.recognisers.catalogue import calibration_file, load_recogniser
from faceveil.nodes.parts.outlines import NONE, outline_files
from faceveil.nodes.parts.stamps import recogniser_stamp, stamp


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEVEIL_MODELS", str(tmp_path))
    monkeypatch.setenv("FACEVEIL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    return tmp_path


def put(path, content=b"no model"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_stamp_tells_a_file_that_came_grew_or_is_newer(folder):
    file = folder / "some.onnx"
    stamps = [stamp([file])]
    put(file)
    stamps.append(stamp([file]))
    put(file, b"another model")
    stamps.append(stamp([file]))
    os.utime(file, (0, 0))
    stamps.append(stamp([file]))
    assert len(set(stamps)) == 4 and stamp([file]) == stamps[-1]
    assert stamp([file / "below"]) == stamp([file / "below"]), "what cannot be looked at is no file"


def test_a_stamp_says_nothing_of_where_files_lie_not_even_to_whoever_tries_paths(folder, monkeypatch):
    file = put(folder / "some.onnx")
    fingerprint = stamp([file])
    assert not any(part in fingerprint for part in file.parts[1:]) and len(fingerprint) == len(stamp([file, file]))
    monkeypatch.setattr("faceveil.nodes.parts.stamps._KEY", b"another run of ComfyUI")
    assert stamp([file]) != fingerprint


def test_calibrating_changes_the_stamp_of_the_recogniser_that_is_built_in():
    before = recogniser_stamp("dlib")
    assert recogniser_stamp("dlib") == before
    target = calibration_file("dlib", None)
    target.parent.mkdir(parents=True)
    write_card(load_recogniser("dlib").card, target)
    assert recogniser_stamp("dlib") != before


def test_replaced_weights_and_new_thresholds_beside_them_change_the_stamp(folder):
    file = put(folder / "recognisers" / "mine.onnx")
    stamps = [recogniser_stamp("mine")]
    put(file, b"another model")
    stamps.append(recogniser_stamp("mine"))
    put(file.with_suffix(".json"), b"{}")
    stamps.append(recogniser_stamp("mine"))
    assert len(set(stamps)) == 3
    with pytest.raises(ModelError):
        recogniser_stamp("nobody")


def test_what_regions_are_drawn_along_is_stamped_where_it_is_a_file(folder):
    file = put(folder / "landmarks" / "mine.onnx")
    assert outline_files("points", NONE) == [] and outline_files("gone.onnx", NONE) == []
    assert outline_files("mine.onnx", NONE) == [file]
    parser = put(folder / "parsers" / "bisenet.onnx")
    assert outline_files("mine.onnx", "bisenet.onnx") == [file, parser]


def test_nodes_that_read_files_say_when_these_are_others(folder, node_of):
    load, region = node_of("load_recogniser", "LoadRecogniser"), node_of("region", "EditRegion")
    recogniser = put(folder / "recognisers" / "mine.onnx")
    landmarks, parser = put(folder / "landmarks" / "one.onnx"), put(folder / "parsers" / "two.onnx")
    chosen = {"region": "lips", "words": "", "faces": "all", "softness": 0.5, "image": None}
    ways = [
        (recogniser, lambda: load.fingerprint_inputs(recogniser="mine")),
        (landmarks, lambda: region.fingerprint_inputs(landmarks="one.onnx", parser=NONE, **chosen)),
        (parser, lambda: region.fingerprint_inputs(landmarks="points", parser="two.onnx", **chosen)),
    ]
    for file, fingerprint in ways:
        before = fingerprint()
        assert fingerprint() == before
        put(file, b"another model")
        assert fingerprint() != before
