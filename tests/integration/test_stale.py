"""What ComfyUI keeps of nodes that read files, and when it asks them again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from faceveil.core.recognisers.card import write_card
from faceveil.core.recognisers.catalogue import calibration_file, load_recogniser

from .test_nodes import judging, load, node, save

pytestmark = pytest.mark.integration


def test_thresholds_measured_meanwhile_are_taken(comfy, portrait, monkeypatch):
    # The server's own folders, not those of whoever runs the tests.
    monkeypatch.setenv("FACEVEIL_HOME", str(comfy.base / "home"))
    prompt = {
        "load": load(portrait),
        "dlib": node("FaceVeilLoadRecogniser", recogniser="dlib"),
        **judging(["load", 0], ["load", 0]),
    }
    prompt["verdict"]["inputs"]["recognisers"] = ["dlib", 0]
    first, again = comfy.run(prompt), comfy.run(prompt)
    assert first.status == "execution_success" and "dlib" in again.cached
    target = calibration_file("dlib", None)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_card(replace(load_recogniser("dlib").card, thresholds={"1e-2": 0.87654}), target)
    try:
        measured = comfy.run(prompt)
    finally:
        target.unlink()
    assert "dlib" not in measured.cached and "0.877" in measured.outputs["verdict"]["text"][0]


def test_a_region_is_kept_while_no_file_changes(comfy, portrait):
    settings = {"words": "", "region": "lips", "faces": "largest", "softness": 0.5}
    prompt = {
        "load": load(portrait),
        "region": node("FaceVeilEditRegion", image=["load", 0], **settings),
        "as image": node("MaskToImage", mask=["region", 0]),
        "mask": save(["as image", 0]),
    }
    assert comfy.run(prompt).status == "execution_success"
    assert "region" in comfy.run(prompt).cached
