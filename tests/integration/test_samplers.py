"""ComfyUI's own samplers with what our nodes hand them: guards, masks, and the ends of paths."""

from __future__ import annotations

import os

import numpy as np
import pytest

from .test_models import guarded, inverted, ran, tiny
from .test_nodes import node, save

pytestmark = pytest.mark.integration

ENOUGH = 20
PAIRS = int(os.environ.get("FACEVEIL_PAIRS", 2))
"""How often to sample without and with a guard that is off; ENOUGH of them tell what it costs."""


def test_every_sampler_steps_down_to_what_the_model_says_when_guarded(comfy, portrait):
    prompt = tiny("flux", portrait)
    prompt["samplers"] = node("TinySamplers", model=["model", 0], vae=["tiny", 1], prompt=["nothing", 0])
    run = comfy.run(prompt)
    assert run.status == "execution_success", run.error
    found = [line.split() for line in run.outputs["samplers"]["text"]]
    assert len(found) > 30
    assert not [name for name, away, kept in found if float(away) > 1e-3 or kept != "True"]


def test_what_an_inpainting_mask_keeps_the_guard_keeps_too(comfy, portrait):
    """The mask is the upper half; each is decoded by itself, for decoders look far."""
    prompt = guarded("flux", portrait, masked=True)
    prompt["guard"]["inputs"] |= {"share": 0.8}
    for name, latent, first in (("upper", "sample", 0), ("lower", "sample", 8), ("known", "latent", 8)):
        prompt[f"{name} half"] = node("LatentCut", samples=[latent, 0], dim="y", index=first, amount=8)
        prompt[f"{name} picture"] = node("VAEDecode", samples=[f"{name} half", 0], vae=["tiny", 1])
        prompt[name] = save([f"{name} picture", 0])
    after, kept, before = ran(comfy, prompt, "upper", "lower", "known")
    (alone,) = ran(comfy, {**prompt, "guard": prompt["euler"]}, "upper")
    assert (after != alone).any()
    assert kept.std() > 5 and np.abs(kept - before).max() <= 1


@pytest.mark.parametrize("kind", ["sd15", "flux", "qwen"])
def test_a_guard_that_is_off_leaves_the_same_bits_and_calls_the_model_as_often(comfy, portrait, kind):
    given = {"model": ["model", 0], "vae": ["tiny", 1], "prompt": ["words", 0], "latent": ["latent", 0]}
    prompt = tiny(kind, portrait)
    prompt["off"] = node("TinyGuardOff", **given, sigmas=["sigmas", 0], pairs=PAIRS)
    run = comfy.run(prompt)
    assert run.status == "execution_success", run.error
    same, *pairs = run.outputs["off"]["text"]
    calls = [tuple(map(int, pair.split()[:2])) for pair in pairs]
    assert same == "True" and len(calls) == PAIRS and all(stock == off > 0 for stock, off in calls)
    ratio = float(np.median([float(pair.split()[2]) for pair in pairs]))
    assert PAIRS < ENOUGH or ratio < 1.02, ratio


@pytest.mark.parametrize("kind", ["sd15", "flux"])
def test_the_end_of_a_path_is_begun_with_by_samplers_that_lay_no_noise(comfy, portrait, kind):
    prompt = {
        **inverted(kind, portrait),
        "guider": node("BasicGuider", model=["model", 0], conditioning=["nothing", 0]),
        "euler": node("KSamplerSelect", sampler_name="euler"),
        "none": node("DisableNoise"),
    }
    common = {"guider": ["guider", 0], "sampler": ["euler", 0], "sigmas": ["sigmas", 0]}
    ways = {"still": (["none", 0], ["invert", 0]), "noisy": (["invert", 1], ["latent", 0])}
    for name, (noise, latent) in ways.items():
        prompt[name] = node("SamplerCustomAdvanced", noise=noise, latent_image=latent, **common)
        prompt[f"{name} picture"] = node("VAEDecode", samples=[name, 0], vae=["tiny", 1])
        prompt[f"{name} shown"] = save([f"{name} picture", 0])
    still, noisy = ran(comfy, prompt, "still shown", "noisy shown")
    assert still.std() > 5 and np.abs(still - noisy).max() <= 1
