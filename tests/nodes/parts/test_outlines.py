"""What Edit Region offers to draw along, by what lies on this machine."""

from __future__ import annotations

import pytest
import torch

from faceveil.core.errors import InputError, ModelError
from faceveil.nodes.parts.outlines import NONE, landmark_choices, landmark_files, outlines, parser_choices


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEVEIL_MODELS", str(tmp_path))
    monkeypatch.setenv("FACEVEIL_HOME", str(tmp_path / "nowhere"))
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    return tmp_path


def put(path):
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no model")


def test_files_are_offered_from_their_folders_and_from_insightfaces_packs(folder):
    assert landmark_choices() == ["points", "dlib68"] and parser_choices() == [NONE]
    put(folder / "landmarks" / "mine.onnx")
    put(folder / "insightface" / "buffalo_l" / "2d106det.onnx")
    put(folder / "parsers" / "bisenet.onnx")
    assert landmark_choices() == ["points", "dlib68", "mine.onnx", "2d106det.onnx"]
    assert parser_choices() == [NONE, "bisenet.onnx"]


def test_of_insightfaces_packs_the_first_by_name_counts_on_every_disk(folder):
    packs = [folder / "insightface" / f"pack{number}" / "2d106det.onnx" for number in range(9)]
    for pack in (*packs[4:], *packs[:4]):
        put(pack)
    assert landmark_files()["2d106det.onnx"] == packs[0]


def test_without_a_choice_the_five_points_draw(folder):
    assert outlines("points", NONE)(torch.zeros(1, 3, 8, 8)) == []


def test_a_choice_is_read_and_one_that_is_not_here_is_named(folder):
    put(folder / "parsers" / "bisenet.onnx")
    with pytest.raises(ModelError, match=r"bisenet\.onnx"):
        outlines("points", "bisenet.onnx")
    with pytest.raises(InputError, match=r"no other\.onnx here\. Put it into models/faceveil/landmarks"):
        outlines("other.onnx", NONE)
