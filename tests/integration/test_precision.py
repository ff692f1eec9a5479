"""Every path that optimises, in half precision on ComfyUI's own classes, beside the same weights in whole."""

from __future__ import annotations

import pytest

from .models import tiny
from .test_nodes import node

pytestmark = pytest.mark.integration

FAST = ("sd15", "flux", "qwen")
SLOW = ("sdxl", "sd35", "schnell", "flux2", "chroma", "zimage", "lumina", "hidream", "omnigen", "wan")
KINDS = (*FAST, *(pytest.param(kind, marks=pytest.mark.slow) for kind in SLOW))
THROUGH_THE_MODEL = {"learn", "attention", "maps"}
"""The embedding learner, and both forms of the attention guide."""
THROUGH_THE_VAE = {"latent", "through", "guard", "editor"}
"""The Latent Adversarial Optimizer by itself and through a model's steps, the Guarded Sampler and the editor."""
LEAST = {"fp16": 0.95, "bf16": 0.85}
"""The cosine asked of paths through a VAE and a recogniser: in half precision a random VAE shows another picture
(bfloat16 knows 256 levels between black and white), where a recogniser has another gradient. Nothing of it vanishes."""


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
    assert set(found) == THROUGH_THE_MODEL | THROUGH_THE_VAE
    assert all(gone < 0.001 for _, gone in found.values()), found
    assert all(found[name][0] >= 0.99 for name in THROUGH_THE_MODEL), found
    assert all(found[name][0] >= LEAST[storage] for name in THROUGH_THE_VAE), found
