"""The guarded sampler's steps, with samplers and a decoder of our own in place of ComfyUI's."""

from __future__ import annotations

import importlib
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from other_device import DEVICE, OtherDevice

from faceveil.core.errors import InputError, NoFaceError
from faceveil.core.methods.guard import GuardRecipe
from faceveil.core.optimise import Settings
from faceveil.core.trajectory.solvers import Moment

SIGMAS = torch.tensor([0.9, 0.6, 0.3, 0.0])


@pytest.fixture
def guarded(comfy):
    return importlib.import_module("faceveil.nodes.adapters.guarded")


def euler(model, x, sigmas, extra_args, callback, disable):
    for index, (here, there) in enumerate(pairwise(sigmas)):
        denoised = model(x)
        callback({"i": index, "denoised": denoised})
        x = denoised + (x - denoised) * there / here
    return x


def sample_unipc(model, x, sigmas, extra_args, callback, disable):
    """Like ComfyUI's: it writes into the sigmas, and takes no step when there is one alone."""
    single, sigmas[-1] = len(sigmas) == 2, max(float(sigmas[-1]), 0.001)
    callback({"i": 0, "denoised": model(x)})
    return x if single else euler(model, x, sigmas, extra_args, callback, disable)


def silent(model, x, sigmas, extra_args, callback, disable):
    return model(x)


def sampler_of(function):
    return SimpleNamespace(sampler_function=function, extra_options={})


def walked(guarded, comfy, function, sigmas, model=lambda x: torch.full_like(x, 0.25), device="cpu", vae=None):
    """Where a run ends whose pictures show no face, so that nothing is guarded."""
    comfy.samplers.sampler_object = lambda name: sampler_of({"euler": euler}[name])

    def decode(latent):
        assert latent.device.type == "cpu"
        return torch.full((1, 3, 64, 64), 0.5)

    blank = SimpleNamespace(decode=decode, vae=vae or SimpleNamespace(economy=guarded.Economy()))
    run = guarded.GuardedRun(sampler_of(function), None, (), GuardRecipe(start=0.6), (), lambda step: None)
    x = torch.randn(1, 4, 8, 8).to(device)
    return run._steps(model, x, sigmas, {}, None, blank, run._rows(blank, x, {}))


@pytest.mark.parametrize("function", [euler, sample_unipc])
def test_a_guarded_run_ends_at_what_the_model_says_and_leaves_the_sigmas_alone(guarded, comfy, function):
    sigmas = SIGMAS.clone()
    ended = walked(guarded, comfy, function, sigmas)
    assert torch.equal(sigmas, SIGMAS)
    assert float((ended - 0.25).abs().max()) < 1e-5


def test_a_model_on_a_device_that_lacks_operators_is_guarded_on_the_cpu(guarded, comfy):
    with OtherDevice():
        ended = walked(guarded, comfy, euler, SIGMAS, device=DEVICE)
        assert ended.device == DEVICE and float((ended - 0.25).abs().max()) < 1e-5


def test_a_step_that_is_begun_again_for_want_of_memory_draws_what_it_had_drawn(guarded, comfy, monkeypatch):
    ended = []
    for failures in (0, 1, 2):
        left = [failures]

        def drawn(row, moment, left=left):
            changed = moment.latent[-1:] + torch.rand(moment.latent[-1:].shape, generator=row.chance)
            if left and left[-1]:
                left[-1] -= 1
                raise torch.OutOfMemoryError("no")
            left[-1:] = []
            return changed

        monkeypatch.setattr(guarded.GuardedRow, "guarded", drawn)
        torch.manual_seed(0)
        ended.append(walked(guarded, comfy, euler, SIGMAS))
        assert not any(left)
    assert torch.equal(ended[0], ended[1]) and torch.equal(ended[0], ended[2])


def test_a_sampling_that_ran_out_of_memory_stays_sparing(guarded, comfy, monkeypatch):
    """Every guarded step takes as much as the first."""
    vae, tried = SimpleNamespace(economy=guarded.Economy()), []

    def refused(row, moment):
        tried.append((vae.economy.checkpointed, vae.economy.tiled))
        if not vae.economy.tiled:
            raise torch.OutOfMemoryError("no")
        return moment.latent[-1:]

    monkeypatch.setattr(guarded.GuardedRow, "guarded", refused)
    walked(guarded, comfy, euler, SIGMAS, vae=vae)
    assert tried == [(False, False), (True, False), (True, True), (True, True)]


def test_a_sampler_that_does_not_say_what_it_sees_is_refused(guarded, comfy):
    with pytest.raises(InputError, match="cannot be run step by step"):
        walked(guarded, comfy, silent, SIGMAS)


def test_what_a_sampler_asks_for_when_inpainting_is_still_asked_for(guarded):
    """ComfyUI's ddim wants noise of its own there."""
    inner = SimpleNamespace(sampler_function=euler, extra_options={}, inpaint_options={"random": True})
    run = guarded.GuardedRun(inner, None, (), GuardRecipe(), (), lambda step: None)
    made = guarded.guarded_sampler(run)
    assert made.sampler_function is run and made.extra_options == {"inpaint_options": {"random": True}}


def test_what_shows_no_face_is_refused_and_among_others_told_of(guarded):
    outcomes = []
    run = guarded.GuardedRun(sampler_of(euler), None, (), GuardRecipe(), (), lambda step: None, on_end=outcomes.append)
    with pytest.raises(NoFaceError, match="so nothing is protected"):
        run._end([None, None], 3)
    run._end([None, True], 3)
    run._end([None], 0)
    assert outcomes == [[None, True]]


def test_no_step_at_all_changes_nothing(guarded, comfy):
    def refuse(x):
        raise AssertionError("there is nothing to ask")

    assert walked(guarded, comfy, euler, SIGMAS[-1:], refuse).shape == (1, 4, 8, 8)


def test_the_guard_changes_only_what_an_inpainting_mask_lets_change(guarded, portrait, dlib_recogniser):
    """Nor does the search see more changed than what is kept."""
    small = F.interpolate(portrait, (256, 256), mode="bilinear", antialias=True)
    mask = torch.ones(1, 1, 32, 32)
    mask[..., :10] = 0
    seen = []

    def decode(latent):
        seen.append(latent.detach().clone())
        return (small + F.interpolate(latent, (256, 256), mode="bilinear")).clamp(0, 1)

    recipe = GuardRecipe(settings=Settings(3, patience=0))
    row = guarded.GuardedRow(decode, [dlib_recogniser], recipe, None, mask, lambda step: None)
    pair = torch.zeros(2, 3, 32, 32)
    changed = row.guarded(Moment(0, 1, 0.0, pair, torch.zeros_like(pair)))
    assert changed.abs().max() > 0 and not changed[..., :10].any()
    assert not any(each[..., :10].any() for each in seen)
    free = guarded.GuardedRow(decode, [dlib_recogniser], recipe, None, torch.ones_like(mask), lambda step: None)
    assert free.guarded(Moment(0, 1, 0.0, pair, torch.zeros_like(pair)))[..., :10].any()
