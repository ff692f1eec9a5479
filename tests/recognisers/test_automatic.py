"""Whom "auto" stands for: one of each family, as far as licences and thresholds go."""

from __future__ import annotations

import json
import shutil

import pytest

from faceveil.core.errors import InputError
from faceveil.core.recognisers.automatic import automatic, expand, left_out, load_automatic
from faceveil.core.recognisers.catalogue import load_recogniser

BUILT_IN = ["dlib", "sface"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """No test sees the user's own weights; the folder that recognisers are put into."""
    monkeypatch.setenv("FACEVEIL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.delenv("FACEVEIL_RESEARCH", raising=False)
    folder = tmp_path / "home" / "models" / "recognisers"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def put(folder):
    def put(name: str, family: str, commercial: bool | None, tar: float = 0.9, rate: str = "1e-2") -> None:
        """A recogniser whose weights nobody needs to open."""
        card = {"input_size": 112, "template": "arcface", "scale_after_mean": 0.0078125, "family": family}
        card |= {"commercial": commercial, "thresholds": {rate: 0.3}, "tar": {rate: tar}}
        (folder / f"{name}.json").write_text(json.dumps(card))
        (folder / f"{name}.onnx").write_bytes(b"never opened")

    return put


def test_all_that_is_built_in_takes_part():
    assert automatic() == BUILT_IN
    assert [recogniser.name for recogniser in load_automatic()] == BUILT_IN
    assert [recogniser.name for recogniser in load_automatic(judges=[load_recogniser("dlib")])] == ["sface"]


def test_of_each_further_family_the_strongest_takes_part(put):
    put("weak", "vit", True, 0.5)
    put("able", "vit", True, 0.95)
    put("other", "edgenext", True)
    put("another-sface", "sface", True, 0.99)
    assert automatic() == [*BUILT_IN, "able", "other"]


def test_what_is_for_research_takes_part_only_when_somebody_says_so(put, monkeypatch):
    put("forbidden", "vit", False)
    put("unstated", "edgenext", None)
    assert automatic() == BUILT_IN
    assert left_out() == {
        "forbidden": "its licence is for research",
        "unstated": "its licence does not allow every use",
    }
    assert automatic(research=True) == [*BUILT_IN, "forbidden", "unstated"]
    monkeypatch.setenv("FACEVEIL_RESEARCH", "1")
    assert automatic() == [*BUILT_IN, "forbidden", "unstated"] and left_out() == {}


def test_without_a_threshold_nobody_takes_part(put):
    put("unmeasured", "vit", True, rate="1e-3")
    assert automatic() == BUILT_IN and "faceveil calibrate" in left_out()["unmeasured"]
    assert automatic("1e-3") == [*BUILT_IN, "unmeasured"]


def test_a_damaged_file_is_passed_over(folder):
    (folder / "broken.onnx").write_bytes(b"nothing")
    assert automatic(research=True) == BUILT_IN and left_out() == {"broken": "its file cannot be read"}


def test_the_families_of_judges_are_kept_for_judging(put):
    put("able", "vit", True, 0.95)
    assert expand(["auto"], judges=["sface"]) == ["dlib", "able"]
    with pytest.raises(InputError, match="Name fewer judges"):
        expand(["auto"], judges=["dlib", "sface", "able"])


def test_auto_stands_beside_names_and_names_alone_stay(put, shared_recognisers, folder):
    shutil.copy(shared_recognisers / "mobilefacenet.onnx", folder)
    shutil.copy(shared_recognisers / "mobilefacenet.json", folder)
    assert expand(["sface", "auto", "mobilefacenet"]) == ["sface", "dlib", "mobilefacenet"]
    assert expand(["mobilefacenet"], judges=["dlib"]) == ["mobilefacenet"]
