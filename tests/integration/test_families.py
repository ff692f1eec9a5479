"""Every model beside every node that takes one: the table in docs/COMFYUI.md, cell by cell."""

from __future__ import annotations

import numpy as np
import pytest

from .models import CLASSES, EDIT, FILL, KONTEXT, edited, guarded, learned, optimised, ran, tiny
from .test_nodes import node

pytestmark = pytest.mark.integration

MODELS = (
    *("sd15", "sdxl", "sd35", "flux", "schnell", FILL, KONTEXT, "flux2"),
    *("chroma", "qwen", EDIT, "zimage", "lumina", "hidream", "omnigen", "wan"),
)


@pytest.fixture(params=MODELS)
def kind(comfy, request) -> str:
    (families,) = comfy.get("/object_info/TinyModel")["TinyModel"]["input"]["required"]["family"][:1]
    if CLASSES.get(request.param, request.param) not in families:
        pytest.skip("this version of ComfyUI does not know the model")
    return request.param


def test_its_gradients_are_those_of_finite_differences(comfy, portrait, kind):
    prompt = tiny(kind, portrait)
    run = comfy.run({**prompt, "gradient": node("TinyGradient", model=["model", 0], prompt=["words", 0])})
    assert run.status == "execution_success", run.error.get("exception_message")
    away = [float(text) for text in run.outputs["gradient"]["text"]]
    assert len(away) == 4 and max(away) < 5e-3, away


def test_invert_and_learn_lead_back_to_the_picture(comfy, portrait, kind):
    reached, known = ran(comfy, learned(kind, portrait, 10), "reached", "known")
    assert known.std() > 5
    assert np.abs(reached - known).mean() < 0.25 * known.std()


def test_the_latent_optimizer_goes_through_its_last_steps(comfy, portrait, kind):
    moved, known = ran(comfy, optimised(kind, portrait), "moved", "known")
    change = np.abs(moved - known)
    assert change.max() > 2 and change.mean() < known.std()


def test_the_editor_changes_what_it_may_and_protects_it(comfy, portrait, kind):
    protected, plain, before = ran(comfy, edited(kind, portrait), "protected", "edited", "small picture")
    assert (plain != before).any() and (protected != plain).any()
    assert (plain[80:] == before[80:]).all() and (protected[80:] == before[80:]).all()


def test_its_sampler_is_guarded_inside_an_inpainting_mask(comfy, portrait, kind):
    (picture,) = ran(comfy, guarded(kind, portrait, masked=True), "picture")
    assert picture.std() > 5
