"""Every path that optimises, in half precision on ComfyUI's own classes, beside the same weights in whole."""

from __future__ import annotations

import os

import pytest

from .models import tiny
from .since import skip_where_a_model_is_lacking
from .test_nodes import node

pytestmark = pytest.mark.integration

FAST = ("sd15", "flux", "qwen")
SLOW = ("sdxl", "sd35", "schnell", "flux2", "chroma", "zimage", "lumina", "hidream", "omnigen", "wan")
KINDS = (*FAST, *SLOW) if os.environ.get("FACEVEIL_EVERY_MODEL") else FAST
"""All of them take some minutes more."""
THROUGH_THE_MODEL = {"learn", "attention", "maps"}
"""The embedding learner, and both forms of the attention guide."""
THROUGH_THE_VAE = {"latent", "through", "guard"}
"""The Latent Adversarial Optimizer by itself and through a model's steps, and the Guarded Sampler."""
EDITOR = "editor"
"""Its guard's gradient is that of a latent at which the edit has arrived in this precision: another one."""
LEAST = {"fp16": (0.99, 0.98, 0.99), "bf16": (0.6, 0.5, 0.99)}
"""The cosine asked of paths through the model, and of those through VAEs that bend gently and with kinks; the latter
decode in whole. bfloat16 knows 256 levels between black and white: random models say something else in it than in
float32, and recognisers look at another picture, whose gradient is another one. Nothing of it vanishes, which is what
is asked of all, and for the same pull on the same picture a VAE's gradient is the same."""
KINKS = {"sd15", "sdxl", "sd35", "flux", "schnell", "chroma", "zimage", "lumina", "hidream", "omnigen"}
"""Families whose small models have a tiny autoencoder for a VAE."""
VAES = {"4 channels": "sd15", "16 channels": "flux", "KL": "flux2", "video": "qwen"}
"""Each class of VAE that is optimised through, by a family that has it."""


@pytest.mark.parametrize("storage", ["fp16", "bf16"])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_in_half_precision_are_those_in_whole(comfy, portrait, kind, storage):
    skip_where_a_model_is_lacking(kind)
    prompt = tiny(kind, portrait)
    measured = {"prompt": ["nothing", 0], "other": ["words", 0], "image": ["image", 0]}
    run = comfy.run({**prompt, "precision": node("TinyPrecision", family=kind, storage=storage, **measured)})
    assert run.status == "execution_success", run.error.get("exception_message")
    found = {
        name: (float(cosine), float(gone)) for name, cosine, gone in map(str.split, run.outputs["precision"]["text"])
    }
    assert set(found) == THROUGH_THE_MODEL | THROUGH_THE_VAE | {EDITOR}
    assert all(gone < 0.005 for _, gone in found.values()), found
    model, gentle, kinked = LEAST[storage]
    vae = kinked if kind in KINKS else gentle
    assert all(found[name][0] >= model for name in THROUGH_THE_MODEL), found
    assert all(found[name][0] >= vae for name in THROUGH_THE_VAE), found


@pytest.mark.parametrize("storage", ["fp16", "bf16"])
@pytest.mark.parametrize("kind", VAES)
def test_a_vae_in_half_precision_hands_on_what_pulls_at_its_picture(comfy, portrait, kind, storage):
    skip_where_a_model_is_lacking(VAES[kind])
    prompt = tiny(VAES[kind], portrait)
    given = {"family": VAES[kind], "storage": storage, "image": ["image", 0]}
    run = comfy.run({**prompt, "precision": node("TinyVaePrecision", **given)})
    assert run.status == "execution_success", run.error.get("exception_message")
    recognised, noise = map(float, run.outputs["precision"]["text"])
    assert recognised > 0.998 and noise > 0.998
