"""Every path that optimises, in half precision on ComfyUI's own classes, beside the same weights in whole."""

from __future__ import annotations

import pytest

from .models import tiny
from .test_nodes import node

pytestmark = pytest.mark.integration

FAST = ("sd15", "flux", "qwen")
SLOW = ("sdxl", "sd35", "schnell", "flux2", "chroma", "zimage", "lumina", "hidream", "omnigen", "wan")
KINDS = (*FAST, *(pytest.param(kind, marks=pytest.mark.slow) for kind in SLOW))
WAYS = {"learn", "attention", "maps", "latent", "through", "guard", "editor"}
"""The embedding learner, both forms of the attention guide, the Latent Adversarial Optimizer by itself and through a
model's steps, the Guarded Sampler and the editor."""


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
    assert set(found) == WAYS
    assert all(cosine >= 0.99 and gone < 0.001 for cosine, gone in found.values()), found
