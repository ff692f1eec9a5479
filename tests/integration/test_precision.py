"""Every path that optimises, in half precision on ComfyUI's own classes, beside the same weights in whole."""

from __future__ import annotations

import os

import pytest

from .models import tiny
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
LEAST = {"fp16": (0.99, 0.9), "bf16": (0.6, 0.5)}
"""The cosine asked of them. bfloat16 knows 256 levels between black and white: its random models and VAEs say something
else than in float32, and what is minimised has another gradient there. Nothing of it vanishes, which is what is
asked of all."""


@pytest.mark.parametrize("storage", ["fp16", "bf16"])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_in_half_precision_are_those_in_whole(comfy, portrait, kind, storage):
    prompt = tiny(kind, portrait)
    measured = {"prompt": ["nothing", 0], "other": ["words", 0], "image": ["image", 0]}
    run = comfy.run({**prompt, "precision": node("TinyPrecision", family=kind, storage=storage, **measured)})
    assert run.status == "execution_success", run.error.get("exception_message")
    found = {
        name: (float(cosine), float(gone)) for name, cosine, gone in map(str.split, run.outputs["precision"]["text"])
    }
    assert set(found) == THROUGH_THE_MODEL | THROUGH_THE_VAE | {EDITOR}
    assert all(gone < 0.005 for _, gone in found.values()), found
    model, vae = LEAST[storage]
    assert all(found[name][0] >= model for name in THROUGH_THE_MODEL), found
    assert all(found[name][0] >= vae for name in THROUGH_THE_VAE), found
