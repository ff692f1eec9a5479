"""What our nodes ask of a real ComfyUI that no picture shows: room in memory, which attention, which decoder."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from faceveil.core.recognisers.catalogue import load_recogniser
from faceveil.nodes.adapters.memory import room_for

from .comfy import Comfy
from .test_models import edited, guarded, inverted, message, ran, tiny
from .test_nodes import judging, node, original, protecting
from .tiny_decoder import put

pytestmark = pytest.mark.integration

KINDS = ("sd15", "sdxl", "flux")


def watched(comfy: Comfy, prompt: dict[str, dict], before: str, after: list[object]) -> list[list[str]]:
    """What was asked for between the picture `before` and the one `after`: bytes, device, models that stay."""
    prompt = {**prompt, "watch": node("TinyWatch", image=[before, 0]), "watched": node("TinyWatched", image=after)}
    for name, each in prompt.items():
        if name not in ("watch", before):
            each["inputs"] = {
                key: ["watch", 0] if value == [before, 0] else value for key, value in each["inputs"].items()
            }
    run = comfy.run(prompt)
    assert run.status == "execution_success", run.error
    return [line.split() for line in run.outputs["watched"]["text"]]


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("who", [("dlib",), ("dlib", "sface")], ids=["one named", "auto, both built in"])
def test_room_is_made_for_recognisers_by_protecting_and_by_judging(comfy, portrait, who):
    named = {"recognisers": ["dlib", 0]} if len(who) == 1 else {}
    prompt = protecting(portrait, seed=77) | judging(["load", 0], ["protect", 0], **named)
    if not named:
        del prompt["protect"]["inputs"]["recognisers"]
    prompt["shown"] = node("RepeatImageBatch", image=["verdict", 1], amount=1)
    *requests, least = watched(comfy, prompt, "load", ["shown", 0])
    needed = sum(room_for(load_recogniser(name)) for name in who)
    assert [float(line[0]) - float(least[-1]) for line in requests] == pytest.approx([needed] * 2, rel=0.01)
    assert needed > 30e6 * len(who)


def test_the_model_that_is_being_sampled_stays_while_room_is_made(comfy, portrait):
    requests = watched(comfy, guarded("flux", portrait), "image", ["decode", 0])
    (ours,) = [line for line in requests if "Flux" in line[2:]]
    assert "TAESD" in ours[2:]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["own kernel", "passes on"])
def test_gradients_are_right_whatever_another_pack_puts_in_place_of_attention(comfy, portrait, kind, way):
    prompt = {**tiny(kind, portrait), "other": node("TinyOverride", model=["model", 0], way=way)}
    run = comfy.run({**prompt, "gradient": node("TinyGradient", model=["other", 0], prompt=["words", 0])})
    assert run.status == "execution_success", run.error.get("exception_message")
    assert max(float(text) for text in run.outputs["gradient"]["text"]) < 5e-3


def injecting(kind: str, picture: str, inject: int, way: str = "") -> dict[str, dict]:
    prompt = edited(kind, picture)
    prompt["edit"]["inputs"] |= {"inject": inject}
    del prompt["edit"]["inputs"]["recognisers"]
    if way:
        prompt["other"] = node("TinyOverride", model=["model", 0], way=way)
        prompt["edit"]["inputs"]["model"] = ["other", 0]
    return prompt


@pytest.mark.parametrize("kind", KINDS)
def test_an_edit_keeps_attention_values_of_its_first_steps_with_guidance(comfy, portrait, kind):
    (free,) = ran(comfy, injecting(kind, portrait, 0), "edited")
    (held,) = ran(comfy, injecting(kind, portrait, 3), "edited")
    (own,) = ran(comfy, injecting(kind, portrait, 3, "own kernel"), "edited")
    (passed,) = ran(comfy, injecting(kind, portrait, 3, "passes on"), "edited")
    assert (free != held).any()
    # A faster kernel changes nothing that can be told; what another pack does to attention is kept.
    assert np.abs(held - own).max() <= 2 and (held != passed).any()


def test_a_recorded_path_gives_its_values_and_one_without_says_so(comfy, portrait):
    prompt = injecting("sd15", portrait, 2) | {"invert": inverted("sd15", portrait)["invert"]}
    prompt["edit"]["inputs"]["trajectory"] = ["invert", 2]
    assert "Record them while inverting" in message(comfy, prompt)
    prompt["invert"]["inputs"]["record"] = 2
    (held,) = ran(comfy, prompt, "edited")
    prompt["edit"]["inputs"]["inject"] = 0
    (free,) = ran(comfy, prompt, "edited")
    assert (held != free).any()


def test_guidance_needs_something_to_lead_away_from(comfy, portrait):
    prompt = edited("sd15", portrait)
    del prompt["edit"]["inputs"]["negative"]
    assert "none is connected: connect one" in message(comfy, prompt)


def test_protecting_an_edit_of_a_picture_without_a_face_says_what_to_disconnect(comfy):
    prompt = edited("sd15", comfy.add_input(Image.new("RGB", (128, 128), "olive"), "olive.png"))
    prompt["mask"] = node("SolidMask", value=1.0, width=128, height=128)
    assert "Or disconnect 'recognisers'" in message(comfy, prompt)


def finishing(picture: str, run: int) -> dict[str, dict]:
    prompt = protecting(picture, strength="published-2", seed=run)
    prompt["fuller"] = node("TinyFuller", run=run)
    prompt["protect"]["inputs"]["vae"] = ["fuller", 0]
    return {**prompt, "decoded": node("TinyDecoded", vae=["fuller", 0], after=["protect", 0])}


@pytest.mark.usefixtures("short")
def test_a_tiny_decoder_of_the_vaes_space_searches_and_the_vae_finishes(comfy, portrait, loud):
    run = comfy.run(finishing(portrait, 1))
    assert run.status == "execution_success", run.error
    assert "Searched with the tiny decoder taesd" in run.outputs["report"]["text"][0]
    with_gradient, without = map(int, run.outputs["decoded"]["text"])
    assert with_gradient == 0 and without > 0
    assert (original(comfy, portrait) != comfy.picture(run, "picture")).any()


@pytest.mark.usefixtures("short")
def test_a_tiny_decoder_of_another_space_is_left_alone(comfy, portrait, loud):
    prompt = finishing(portrait, 2)
    # The VAE is read first; then what lies there is another's.
    comfy.run({"fuller": prompt["fuller"], **other_uses(portrait)})
    with torch.no_grad():
        for weight in loud.decoder.parameters():
            weight.copy_(weight.flip(0))
    put(comfy, loud)
    run = comfy.run(prompt)
    assert run.status == "execution_success" and "fuller" in run.cached
    assert "tiny decoder" not in run.outputs["report"]["text"][0]
    assert int(run.outputs["decoded"]["text"][0]) > 0


def other_uses(picture: str) -> dict[str, dict]:
    """An output that needs the VAE and nothing else."""
    return {
        "load": node("LoadImage", image=picture),
        "decoded": node("TinyDecoded", vae=["fuller", 0], after=["load", 0]),
    }
