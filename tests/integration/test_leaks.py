"""What files that ComfyUI writes say of the original and of whoever protected it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .comfy import Comfy, Run
from .test_nodes import judging, load, node, original, protecting

pytestmark = pytest.mark.integration


def saving(picture: str, **settings: object) -> dict[str, dict]:
    """A picture saved by ComfyUI's own node and by ours, in a prompt with all that reads files."""
    ours = {"filename_prefix": "leaks/ours", "format": "png", "quality": 95, "embed": False, **settings}
    region = {"words": "", "region": "lips", "faces": "largest", "softness": 0.5}
    prompt = {
        "load": load(picture),
        "dlib": node("FaceVeilLoadRecogniser", recogniser="dlib"),
        "region": node("FaceVeilEditRegion", image=["load", 0], **region),
        "mask": node("MaskToImage", mask=["region", 0]),
        "seen": node("PreviewImage", images=["mask", 0]),
        "theirs": node("SaveImage", images=["load", 0], filename_prefix="leaks/theirs"),
        "ours": node("FaceVeilSaveProtected", images=["load", 0], **ours),
        **judging(["load", 0], ["load", 0]),
    }
    prompt["verdict"]["inputs"] |= {"recognisers": ["dlib", 0], "show_sheet": False}
    return prompt


def written(comfy: Comfy, run: Run, name: str) -> Path:
    (saved,) = run.outputs[name]["images"]
    assert saved["type"] == "output"
    return comfy.base / "output" / saved["subfolder"] / saved["filename"]


def test_comfyuis_files_say_nothing_of_our_folders_and_ours_nothing_at_all(comfy, portrait):
    before, prompt = set((comfy.base / "temp").rglob("*")), saving(portrait)
    # A mask that no other test here asks for, whichever ran first: a remembered one is not written again.
    prompt["region"]["inputs"]["softness"] = 0.25
    run = comfy.run(prompt)
    assert run.status == "execution_success", run.error
    with Image.open(written(comfy, run, "theirs")) as file:
        prompt = json.loads(file.text["prompt"])
    # The leak that is not ours: the SHA-256 of the original.
    assert "is_changed" in prompt["load"]
    for name in ("dlib", "region"):
        (fingerprint,) = prompt[name]["is_changed"]
        assert len(fingerprint) == 32 and not any(sign in fingerprint for sign in "/\\.")
    assert str(comfy.base) not in json.dumps(prompt) and str(Path.home()) not in json.dumps(prompt)
    with Image.open(written(comfy, run, "ours")) as file:
        assert not file.text and not file.info and not file.getexif()
        assert np.array_equal(np.asarray(file), original(comfy, portrait))
    # In words alone: that nothing was changed.
    assert [each["verdict"]["state"] for each in run.outputs["verdict"]["faceveil"]] == ["known"]
    # The mask's preview alone: no sheet with the original face.
    assert len(set((comfy.base / "temp").rglob("*.png")) - before) == 1


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_a_workflow_is_embedded_when_asked_without_the_originals_fingerprint(comfy, portrait, kind):
    run = comfy.run(saving(portrait, format=kind, embed=True))
    assert run.status == "execution_success", run.error
    with Image.open(written(comfy, run, "ours")) as file:
        text = file.text["prompt"] if kind == "png" else file.getexif()[0x0110].removeprefix("prompt:")
    prompt = json.loads(text)
    assert prompt["load"]["inputs"] == {"image": portrait}
    assert not any("is_changed" in each for each in prompt.values())


def test_a_jpeg_that_is_to_hold_a_workflow_is_refused(comfy, portrait):
    run = comfy.run(saving(portrait, format="jpeg", embed=True))
    assert run.status == "execution_error" and "choose png or webp" in run.error["exception_message"]


@pytest.mark.usefixtures("short")
def test_before_and_after_are_kept_without_the_prompt_and_not_at_all_when_they_are_not_shown(comfy, portrait):
    kept = {}
    for compare in (False, True):
        before = set((comfy.base / "temp").rglob("*.png"))
        prompt = {name: each for name, each in protecting(portrait, compare=compare).items() if name != "changed"}
        run = comfy.run({**prompt, "picture": node("FaceVeilSharing", image=["protect", 0], upload="half")})
        assert run.status == "execution_success", run.error
        (shown,) = run.outputs["protect"]["faceveil"]
        kept[compare] = set((comfy.base / "temp").rglob("*.png")) - before
        assert {path.name for path in kept[compare]} == {view["filename"] for view in shown["views"].values()}
        assert shown["verdict"]["matched_before"] == 1
    assert not kept[False] and len(kept[True]) == 4
    for path in kept[True]:
        with Image.open(path) as file:
            assert not file.text and not file.getexif()
