"""Generating, editing and guarding in a real ComfyUI, on the demo model: nothing downloaded."""

from __future__ import annotations

import time

import numpy as np
import pytest
from PIL import Image

from .test_nodes import judging, load, node, original, save

pytestmark = pytest.mark.integration


def demo(prompt: str = "red", guidance: float = 6.0) -> dict[str, dict[str, object]]:
    return {
        "demo": node("FaceVeilLoadDemoModel"),
        "nothing": node("FaceVeilDemoPrompt", prompt="", guidance=4.0),
        "prompt": node("FaceVeilDemoPrompt", prompt=prompt, guidance=guidance),
    }


def generating(prompt: str, steps: int = 8) -> dict[str, dict[str, object]]:
    return {
        **demo(prompt),
        "size": node("EmptySD3LatentImage", width=256, height=256, batch_size=1),
        "sample": node(
            "KSampler",
            model=["demo", 0],
            positive=["prompt", 0],
            negative=["nothing", 0],
            latent_image=["size", 0],
            seed=3,
            steps=steps,
            cfg=1.0,
            sampler_name="euler",
            scheduler="simple",
            denoise=1.0,
        ),
        "decode": node("VAEDecode", samples=["sample", 0], vae=["demo", 1]),
        "picture": save(["decode", 0]),
    }


def editing(picture: str, **settings: object) -> dict[str, dict[str, object]]:
    return {
        **demo("blue"),
        "load": load(picture),
        "region": node(
            "FaceVeilEditRegion", image=["load", 0], words="hair", region="from the words", faces="all", softness=0.5
        ),
        "sigmas": node("BasicScheduler", model=["demo", 0], scheduler="simple", steps=8, denoise=1.0),
        "edit": node(
            "FaceVeilTrajectoryEditor",
            model=["demo", 0],
            vae=["demo", 1],
            image=["load", 0],
            mask=["region", 0],
            source=["nothing", 0],
            target=["prompt", 0],
            sigmas=["sigmas", 0],
            **{"editor": "invert", "solver": "reuse", "cfg": 1.0, "hold": 0.8, "size": 256, "seed": 0, **settings},
        ),
        "picture": save(["edit", 0]),
        "edited": save(["edit", 1]),
    }


def guarding(picture: str, iterations: int = 20) -> dict[str, dict[str, object]]:
    """img2img of a portrait with little noise, protected while it is generated."""
    return {
        **demo(""),
        "load": load(picture),
        "encode": node("VAEEncode", pixels=["load", 0], vae=["demo", 1]),
        "noise": node("RandomNoise", noise_seed=1),
        "guider": node("BasicGuider", model=["demo", 0], conditioning=["nothing", 0]),
        "euler": node("KSamplerSelect", sampler_name="euler"),
        "guarded": node(
            "FaceVeilGuardedSampler", sampler=["euler", 0], vae=["demo", 1], share=0.5, iterations=iterations
        ),
        "sigmas": node("BasicScheduler", model=["demo", 0], scheduler="simple", steps=4, denoise=0.1),
        "sample": node(
            "SamplerCustomAdvanced",
            noise=["noise", 0],
            guider=["guider", 0],
            sampler=["guarded", 0],
            sigmas=["sigmas", 0],
            latent_image=["encode", 0],
        ),
        "decode": node("VAEDecode", samples=["sample", 0], vae=["demo", 1]),
        "picture": save(["decode", 0]),
        "verdict": node("FaceVeilVerdict", original=["load", 0], protected=["decode", 0], faces="all", far="1e-2"),
        "protected": node("PreviewAny", source=["verdict", 3]),
    }


def optimising(picture: str, seed: int = 0) -> dict[str, dict[str, object]]:
    """A portrait through the demo VAE, with its latent protected on the way, and judged against the way alone."""
    return {
        "demo": node("FaceVeilLoadDemoModel"),
        "load": load(picture),
        "encode": node("VAEEncode", pixels=["load", 0], vae=["demo", 1]),
        "before": node("VAEDecode", samples=["encode", 0], vae=["demo", 1]),
        "optimise": node(
            "FaceVeilLatentOptimizer", latent=["encode", 0], vae=["demo", 1], iterations=60, rate=0.02, seed=seed
        ),
        "after": node("VAEDecode", samples=["optimise", 0], vae=["demo", 1]),
        "plain": save(["before", 0]),
        "picture": save(["after", 0]),
        **judging(["before", 0], ["after", 0]),
    }


def test_the_demo_model_samples_with_the_stock_nodes_and_follows_its_words(comfy):
    red, green = (comfy.picture(comfy.run(generating(word)), "picture") for word in ("red", "green"))
    assert red.shape == (256, 256, 3)
    lean = lambda picture: float(picture[..., 0].mean() - picture[..., 1].mean())
    assert lean(red) > lean(green) + 5


@pytest.mark.parametrize("editor", ["invert", "flow"])
def test_an_edit_stays_inside_its_mask(comfy, portrait, editor):
    before = original(comfy, portrait).astype(int)
    run = comfy.run(editing(portrait, editor=editor))
    change = np.abs(comfy.picture(run, "picture").astype(int) - before).max(-1)
    assert change.max() > 5
    assert change[300:].max() == 0
    (shown,) = run.outputs["edit"]["faceveil"]
    assert set(shown["views"]) == {"before", "after"} and shown["verdict"]["state"] == "edited"


def test_an_ordinary_sampler_gives_the_same_picture_before_and_after_ours(comfy, portrait):
    """Weights made fit for gradients are ComfyUI's own, in place: nothing may be left behind."""
    first = comfy.picture(comfy.run(generating("red", 6)), "picture")
    comfy.run(editing(portrait, seed=5))
    again = comfy.picture(comfy.run({**generating("red", 6), "demo 2": node("FaceVeilLoadDemoModel")}), "picture")
    assert np.array_equal(first, again)


def test_a_guarded_sampler_protects_while_generating_and_an_empty_guard_is_no_guard(comfy, portrait):
    run = comfy.run(guarding(portrait))
    assert run.status == "execution_success"
    assert run.outputs["protected"]["text"] in (["True"], ["true"])
    assert run.texts["guarded"].startswith("Guarded: ")
    plain = comfy.run(guarding(portrait, 0))
    assert plain.outputs["protected"]["text"] in (["False"], ["false"])


def test_a_guard_that_finds_no_face_refuses_and_one_that_loses_says_so(comfy, portrait):
    blank = comfy.run(guarding(comfy.add_input(Image.new("RGB", (256, 256), "olive"), "olive.png"), 1))
    assert blank.status == "execution_error" and "so nothing is protected" in blank.error["exception_message"]
    lost = comfy.run(guarding(portrait, 1))
    assert lost.status == "execution_success" and "did NOT win" in lost.texts["guarded"]


def test_a_latent_is_protected_and_its_picture_stays_alike(comfy, portrait):
    run = comfy.run(optimising(portrait))
    assert run.status == "execution_success", run.error
    assert run.outputs["protected"]["text"][0].lower() == "true"
    change = np.abs(comfy.picture(run, "picture").astype(int) - comfy.picture(run, "plain"))
    assert change.max() > 5 and change.mean() < 10
    values = [data["value"] for data in run.progress if data["node"] == "optimise"]
    assert len(values) > 3 and values == sorted(values)


def test_cancel_stops_the_latent_optimizer_within_seconds(comfy, portrait):
    cancelled = []

    def cancel(data):
        if data["node"] == "optimise" and data["value"] >= 2 and not cancelled:
            cancelled.append(time.monotonic())
            comfy.post("/interrupt", {})

    run = comfy.run(optimising(portrait, seed=99), cancel)
    assert cancelled and run.status == "execution_interrupted"
    assert time.monotonic() - cancelled[0] < 8
    assert max(data["value"] for data in run.progress) < 60
