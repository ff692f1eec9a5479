"""Every model beside every node that takes one: the table in docs/MODELS.md, cell by cell."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from .comfy import ROOT
from .models import CLASSES, EDIT, FILL, KONTEXT, SIZE, edited, guarded, learned, optimised, ran, tiny
from .since import skip_where_a_model_is_lacking
from .test_nodes import node, prompt_of

pytestmark = pytest.mark.integration

MODELS = (
    *("sd15", "sdxl", "sd35", "flux", "schnell", FILL, KONTEXT, "flux2"),
    *("chroma", "qwen", EDIT, "zimage", "lumina", "hidream", "omnigen", "wan"),
)
ALIKE = {"sdxl", "schnell", FILL, "chroma", "zimage", "lumina", "hidream", "wan"}
"""Models that attend, mask and remember as another of the list does: of these CI tries the quick columns alone, and
FACEVEIL_EVERY_MODEL=1 all."""


@pytest.fixture(params=MODELS)
def kind(request) -> str:
    skip_where_a_model_is_lacking(CLASSES.get(request.param, request.param))
    return request.param


long = pytest.mark.parametrize(
    "kind",
    MODELS if os.environ.get("FACEVEIL_EVERY_MODEL") else [each for each in MODELS if each not in ALIKE],
    indirect=True,
)


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


@long
def test_the_latent_optimizer_goes_through_its_last_steps(comfy, portrait, kind):
    moved, known = ran(comfy, optimised(kind, portrait), "moved", "known")
    change = np.abs(moved - known)
    assert change.max() > 2 and change.mean() < known.std()


@long
def test_every_way_of_saving_memory_has_the_gradient_of_the_plain_one(comfy, portrait, kind):
    """What a graphics card runs out of memory for is begun again with blocks computed twice, then in tiles."""
    given = {"family": CLASSES.get(kind, kind), "model": ["model", 0], "image": ["image", 0]}
    prompt = {**tiny(kind, portrait), "ladder": node("TinyLadder", **given, prompt=["nothing", 0], other=["words", 0])}
    run = comfy.run(prompt)
    assert run.status == "execution_success", run.error.get("exception_message")
    twice, tiles = map(float, run.outputs["ladder"]["text"])
    assert twice > 0.999 and tiles > 0.99


@long
def test_the_editor_changes_what_it_may_and_protects_it(comfy, portrait, kind):
    protected, plain, before = ran(comfy, edited(kind, portrait), "protected", "edited", "small picture")
    assert (plain != before).any() and (protected != plain).any()
    assert (plain[80:] == before[80:]).all() and (protected[80:] == before[80:]).all()


def test_its_sampler_is_guarded_inside_an_inpainting_mask(comfy, portrait, kind):
    (picture,) = ran(comfy, guarded(kind, portrait, masked=True), "picture")
    assert picture.std() > 5


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(
    ("workflow", "kind"), [("12_qwen_image_edit_protected", EDIT), ("11_kontext_edit_and_protect", KONTEXT)]
)
def test_a_workflow_of_a_large_model_runs_as_it_was_saved_with_a_small_one(comfy, portrait, workflow, kind):
    info = comfy.get("/object_info")
    saved = prompt_of(json.loads((ROOT / "workflows" / f"{workflow}.json").read_text()), info)
    by_class = {each["class_type"]: name for name, each in saved.items()}
    small = {"small": node("TinyModel", family=CLASSES[kind], storage="fp32")}
    for name, each in saved.items():
        match each["class_type"]:
            case "UNETLoader" | "VAELoader" | "CLIPLoader" | "DualCLIPLoader":
                continue
            case "FluxKontextImageScale":
                each = node(
                    "ImageScale",
                    **each["inputs"],
                    upscale_method="bicubic",
                    width=4 * SIZE,
                    height=4 * SIZE,
                    crop="disabled",
                )
            case "TextEncodeQwenImageEditPlus":
                latent = [by_class["VAEEncode"], 0]
                small[f"{name} alone"] = node("TinyPrompt", family=CLASSES[kind], seed=1)
                each = node("ReferenceLatent", conditioning=[f"{name} alone", 0], latent=latent)
            case "CLIPTextEncode":
                each = node("TinyPrompt", family=CLASSES[kind], seed=1)
            case "KSampler" | "BasicScheduler":
                # A random model makes noise of more, in which nobody finds a face.
                each["inputs"] |= {"steps": 3, "denoise": 0.05}
            case "FaceVeilProtect":
                # A random decoder shows hardly a face: the photo shines through.
                photo, decoded = [by_class["FaceVeilLoadPortrait"], 0], each["inputs"]["image"]
                small["mixed"] = node("ImageBlend", image1=decoded, image2=photo, blend_factor=0.7, blend_mode="normal")
                each["inputs"]["image"] = ["mixed", 0]
            case "FaceVeilGuardedSampler":
                each["inputs"]["iterations"] = 2
        small[name] = each
    loaders = {by_class["UNETLoader"]: 0, by_class["VAELoader"]: 1}
    for each in small.values():
        for name, given in each["inputs"].items():
            if isinstance(given, list) and given[0] in loaders:
                each["inputs"][name] = ["small", loaders[given[0]]]
    run = comfy.run(small)
    assert run.status == "execution_success", run.error.get("exception_message")
    assert "matched" in run.outputs[by_class["FaceVeilVerdict"]]["text"][0]
