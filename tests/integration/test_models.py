"""Small random models of ComfyUI's own SD 1.5, SDXL, Flux and Qwen-Image classes in every node that takes a model."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from faceveil.core.engines.tiny import TinyAutoencoder

from .comfy import Comfy
from .models import edited, guarded, inverted, learned, optimised, ran, sampled, tiny
from .test_nodes import node, save
from .tiny_decoder import put

pytestmark = pytest.mark.integration

KINDS = ("sd15", "sdxl", "flux", "qwen")
TO_PATCH = {
    "sd15": ("middle_block_1_transformer_blocks_0_attn1_to_q", 64, 64),
    "sdxl": ("middle_block_1_transformer_blocks_0_attn1_to_q", 128, 128),
    "flux": ("double_blocks_0_img_attn_proj", 64, 64),
    "qwen": ("transformer_blocks_0_attn_to_q", 64, 64),
}


@pytest.fixture(scope="module", autouse=True)
def loras(comfy: Comfy) -> None:
    """One small LoRA a kind, as the stock loader reads it."""
    generator = torch.Generator().manual_seed(0)
    for kind, (layer, inner, outer) in TO_PATCH.items():
        parts = {
            f"lora_unet_{layer}.lora_down.weight": torch.randn(2, inner, generator=generator) * 0.3,
            f"lora_unet_{layer}.lora_up.weight": torch.randn(outer, 2, generator=generator) * 0.3,
        }
        save_file(parts, comfy.base / "models" / "loras" / f"{kind}.safetensors")


@pytest.mark.parametrize("storage", ["fp32", "fp8"])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_through_a_model_are_those_of_finite_differences(comfy, portrait, kind, storage):
    prompt = tiny(kind, portrait, storage, lora=True)
    run = comfy.run({**prompt, "gradient": node("TinyGradient", model=["model", 0], prompt=["words", 0])})
    assert run.status == "execution_success", run.error.get("exception_message")
    away = [float(text) for text in run.outputs["gradient"]["text"]]
    assert len(away) == 4 and max(away) < 5e-3, away


@pytest.mark.parametrize("kind", ["flux", "qwen"])
def test_gradients_through_a_vae_are_those_of_finite_differences(comfy, portrait, kind):
    prompt = tiny(kind, portrait)
    run = comfy.run({"tiny": prompt["tiny"], "gradient": node("TinyVaeGradient", vae=["tiny", 1])})
    assert run.status == "execution_success", run.error.get("exception_message")
    *away, shape = run.outputs["gradient"]["text"]
    assert max(map(float, away)) < 5e-3, away
    assert shape == "[1, 16, 16, 16]"


@pytest.mark.parametrize("kind", KINDS)
def test_a_path_leads_up_and_its_noise_and_what_was_learned_lead_back(comfy, portrait, kind):
    reached, known = ran(comfy, learned(kind, portrait, 10, lora=True), "reached", "known")
    assert known.std() > 5
    assert np.abs(reached - known).mean() < 0.25 * known.std()


@pytest.mark.parametrize("kind", KINDS)
def test_weakened_purification_moves_a_batch_of_latents_through_a_models_steps(comfy, portrait, kind):
    # A batch is a video to Qwen-Image's VAE.
    prompt = optimised(kind, portrait, batch=1 if kind == "qwen" else 2)
    moved, known = ran(comfy, prompt, "moved", "known")
    change = np.abs(moved - known)
    assert change.max() > 2 and change.mean() < known.std()


@pytest.mark.parametrize("kind", KINDS)
def test_an_edit_with_a_lora_is_protected_on_the_way_and_stays_where_it_may(comfy, portrait, kind):
    protected, plain, before = ran(comfy, edited(kind, portrait, lora=True), "protected", "edited", "small picture")
    assert (plain != before).any() and (protected != plain).any()
    assert (plain[80:] == before[80:]).all() and (protected[80:] == before[80:]).all()


def test_an_edit_says_whether_its_guard_won(comfy, portrait):
    prompt = edited("sd15", portrait)
    prompt["report"] = node("PreviewAny", source=["edit", 2])
    run = comfy.run(prompt)
    (text,) = run.outputs["report"]["text"]
    assert text == run.texts["edit"] and text.startswith(("Guarded: ", "WARNING: the guard did NOT win"))


@pytest.mark.parametrize(("kind", "masked"), [("sd15", False), ("sdxl", True), ("flux", True), ("qwen", True)])
def test_any_sampler_is_guarded_with_a_batch_and_inside_an_inpainting_mask(comfy, portrait, kind, masked):
    batch = 1 if kind == "qwen" else 2
    (picture,) = ran(comfy, guarded(kind, portrait, masked, batch=batch, lora=True), "picture")
    assert picture.std() > 5


@pytest.mark.parametrize(("kind", "storage"), [("sd15", "fp8"), ("sdxl", "fp32"), ("flux", "fp8")])
def test_an_ordinary_sampler_gives_the_same_bits_before_and_after_our_nodes(comfy, portrait, kind, storage):
    (first,) = ran(comfy, sampled(kind, portrait, storage, lora=True), "picture")
    ran(comfy, optimised(kind, portrait, storage=storage, lora=True), "moved")
    again = comfy.run(sampled(kind, portrait, storage, lora=True))
    # The very model that our nodes had, sampled once more.
    assert "tiny" in again.cached and "sample" not in again.cached
    assert np.array_equal(first, comfy.picture(again, "picture")) and first.std() > 5


def test_cancel_stops_learning_and_what_follows_works(comfy, portrait):
    cancelled = []

    def cancel(data):
        if data["node"] == "learn" and data["value"] >= 2 and not cancelled:
            cancelled.append(time.monotonic())
            comfy.post("/interrupt", {})

    run = comfy.run(learned("sd15", portrait, 400), cancel)
    assert cancelled and run.status == "execution_interrupted"
    assert time.monotonic() - cancelled[0] < 5 and max(data["value"] for data in run.progress) < 700
    ran(comfy, learned("sd15", portrait, 1), "reached")


def message(comfy: Comfy, prompt: dict[str, dict]) -> str:
    run = comfy.run(prompt)
    assert run.status == "execution_error"
    return run.error["exception_message"]


def test_what_does_not_fit_together_is_refused_in_our_words(comfy, portrait):
    unlearned = optimised("sd15", portrait)
    unlearned["optimise"]["inputs"]["trajectory"] = ["invert", 2]
    assert "Put Learn Unconditional Embeddings in between" in message(comfy, unlearned)
    alone = optimised("sd15", portrait)
    del alone["optimise"]["inputs"]["model"]
    assert "connect both or none" in message(comfy, alone)
    other = optimised("sd15", portrait)
    other["another"] = node("EmptyLatentImage", width=64, height=64, batch_size=1)
    other["optimise"]["inputs"]["latent"] = ["another", 0]
    assert "Connect the ones it was made of" in message(comfy, other)
    channels = inverted("flux", portrait)
    channels["latent"] = node("EmptyLatentImage", width=64, height=64, batch_size=1)
    channels["preview"] = node("LatentCut", samples=["invert", 0], dim="x", index=0, amount=1)
    channels["decoded"] = node("VAEDecode", samples=["preview", 0], vae=["tiny", 1])
    channels["out"] = save(["decoded", 0])
    assert "encode the picture with the model's own VAE" in message(comfy, channels)
    ending = learned("sd15", portrait)
    ending["cut"] = node("SplitSigmas", sigmas=["sigmas", 0], step=3)
    ending["invert"]["inputs"]["sigmas"] = ["cut", 0]
    assert "have to run down to 0" in message(comfy, ending)
    long = learned("sd15", portrait)
    long["learn"]["inputs"]["last"] = 50
    assert "Choose fewer steps" in message(comfy, long)


def test_the_tiny_decoder_searches_where_it_is_there_and_is_asked_for_where_not(comfy, portrait):
    quick = optimised("sd15", portrait)
    quick["optimise"]["inputs"]["tiny"] = True
    assert "put taesd_encoder.safetensors" in message(comfy, quick)
    torch.manual_seed(0)
    model = TinyAutoencoder("taesd", 4)
    files = put(comfy, model)
    try:
        moved, known = ran(comfy, quick, "moved", "known")
    finally:
        for file in files:
            file.unlink()
    assert (moved != known).any()


def test_a_known_path_is_not_inverted_again(comfy, portrait):
    prompt = edited("sd15", portrait) | {"invert": inverted("sd15", portrait)["invert"]}
    prompt["edit"]["inputs"]["trajectory"] = ["invert", 2]
    del prompt["edit"]["inputs"]["recognisers"]
    plain, before = ran(comfy, prompt, "edited", "small picture")
    assert (plain != before).any() and (plain[80:] == before[80:]).all()


def test_a_path_is_kept_loaded_and_refused_with_another_picture_or_model(comfy, portrait):
    kept = inverted("sd15", portrait)
    kept["keep"] = node("FaceVeilSaveTrajectory", trajectory=["invert", 2], name="me")
    kept["file"] = node("PreviewAny", source=["keep", 0])
    run = comfy.run(kept)
    assert run.status == "execution_success", run.error
    assert run.outputs["file"]["text"] == ["me.trajectory"]
    prompt = edited("sd15", portrait)
    prompt["invert"] = node("FaceVeilLoadTrajectory", trajectory="me.trajectory", prompt=["nothing", 0])
    prompt["edit"]["inputs"]["trajectory"] = ["invert", 0]
    del prompt["edit"]["inputs"]["recognisers"]
    plain, before = ran(comfy, prompt, "edited", "small picture")
    assert (plain != before).any() and (plain[80:] == before[80:]).all()
    prompt["turned"] = node("ImageFlip", image=["image", 0], flip_method="y-axis: horizontally")
    prompt["edit"]["inputs"]["image"] = ["turned", 0]
    assert "another picture, of another crop" in message(comfy, prompt)
    other = learned("flux", portrait)
    other["invert"] = {**prompt["invert"], "inputs": {**prompt["invert"]["inputs"]}}
    del other["back"], other["there"], other["reached"], other["euler"]
    other["guider"] = node("PreviewAny", source=["learn", 0])
    other["learn"]["inputs"]["trajectory"] = ["invert", 0]
    assert "Connect the ones it was made of" in message(comfy, other)
