"""Attention values: what is recorded, what is given back, and that every kind of model takes part."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from analytic import NOTHING, Gaussian
from small_flux import SmallFlux

from faceveil.core.attention.listening import Listening
from faceveil.core.errors import InputError, ModelError
from faceveil.core.trajectory.paths import generate, invert
from faceveil.core.trajectory.record import Trajectory
from faceveil.core.trajectory.values import Injection, Recording

SOLVERS = ("euler", "midpoint", "reuse")


def latent(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def recorded(model, x, record=2, steps=4, solver="reuse", conditioning=None):
    sigmas = model.sigmas(steps, tuple(x.shape[-2:]))
    return sigmas, invert(model, x, sigmas, conditioning or model.describe(["a"]), solver, record=record)


def test_other_values_are_what_attention_is_made_of():
    q, k, v, other = (latent(2, 3, 5, 4, seed=seed) for seed in range(4))
    with Listening(values=lambda values: other):
        assert torch.equal(F.scaled_dot_product_attention(q, k, v), F.scaled_dot_product_attention(q, k, other))
        named = F.scaled_dot_product_attention(q, key=k, value=v, is_causal=True)
    assert torch.equal(named, F.scaled_dot_product_attention(q, k, other, is_causal=True))


def test_cross_attention_keeps_its_values():
    q, k = latent(1, 2, 5, 4), latent(1, 2, 7, 4)
    with Listening(values=torch.zeros_like):
        assert float(F.scaled_dot_product_attention(q, k, k).abs().min()) > 0


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_last_third_of_layers_is_recorded_at_the_noisiest_levels_on_the_cpu(solver):
    model = SmallFlux()
    sigmas, path = recorded(model, latent(1, 4, 8, 8), solver=solver)
    assert list(path.values) == ["2/3"]
    series = path.values["2/3"]
    assert all(level >= sigmas[2] - 1e-6 for level in series.sigmas) and series.values[0].device.type == "cpu"
    assert len(series.sigmas) == {"euler": 2, "midpoint": 4, "reuse": 2}[solver]
    assert series.values[0].shape == (1, 2, 19, 16)


def test_nothing_is_recorded_unasked():
    assert not recorded(SmallFlux(), latent(1, 4, 8, 8), record=0)[1].values


@pytest.mark.parametrize("solver", SOLVERS)
def test_injection_moves_the_generation_and_only_in_its_steps(solver):
    model = SmallFlux()
    sigmas, path = recorded(model, latent(1, 4, 8, 8), solver=solver)
    target, seen = model.describe(["another"]), []

    def run(injection):
        passed = []
        generate(model, path.start, sigmas, target, solver, None, lambda m: passed.append(m.latent), injection)
        seen.append(passed)

    run(None), run(Injection(path, sigmas[2]))
    assert float((seen[0][0] - seen[1][0]).abs().max()) > 1e-4
    # From the same latent on, the later steps are the plain ones.
    rest = generate(model, seen[1][1], sigmas[2:], target, solver)
    if solver != "reuse":
        assert torch.allclose(rest, seen[1][-1])


def test_values_given_back_are_those_recorded_at_that_level():
    model, x = SmallFlux(), latent(1, 4, 8, 8)
    path, recorded = Trajectory(), []
    recording = Recording(path, 0.5, share=1.0)
    with recording.hearing(0.6):
        known = model.denoise(x, 0.6, model.describe(["a"]))
    with recording.hearing(0.4):
        model.denoise(x * 2, 0.4, model.describe(["a"]))
    assert {name: series.sigmas for name, series in path.values.items()} == {f"{i}/3": [0.6] for i in range(3)}
    injection = Injection(path, 0.5)
    with injection.speaking(0.6), Listening(values=lambda v: recorded.append(v) or v):
        again = model.denoise(torch.cat([x, x]), 0.6, model.describe(["a"]))
    assert torch.allclose(again, known.expand(2, -1, -1, -1))
    with injection.speaking(0.4):
        assert torch.equal(model.denoise(x, 0.4, model.describe(["b"])), model.denoise(x, 0.4, model.describe(["b"])))


def test_a_model_that_is_asked_twice_for_guidance_gets_the_same_values_twice():
    path, values = Trajectory(), latent(1, 1, 3, 4)
    with Recording(path, 0.0, share=1.0).hearing(0.5):
        F.scaled_dot_product_attention(values, values, values)
    q = latent(1, 1, 3, 4, seed=1)
    with Injection(path, 0.0).speaking(0.5):
        both = [F.scaled_dot_product_attention(q, q, latent(1, 1, 3, 4, seed=2 + i)) for i in range(2)]
    assert torch.equal(*both)


def test_what_does_not_fit_gets_one_sentence():
    model, x = SmallFlux(), latent(1, 4, 8, 8)
    sigmas, path = recorded(model, x, record=1)
    with pytest.raises(InputError, match="More steps are to be injected than were recorded"):
        generate(model, path.start, sigmas, model.describe(["b"]), injection=Injection(path, sigmas[3]))
    with pytest.raises(InputError, match="trajectory has none"):
        Injection(Trajectory(), 0.5)
    with pytest.raises(InputError, match="injected in 5 of 4 steps"):
        recorded(model, x, record=5)
    with pytest.raises(InputError, match="Inject 0 steps here"):
        generate(model, latent(1, 4, 8, 4), sigmas, model.describe(["b"]), injection=Injection(path, sigmas[1]))
    with pytest.raises(ModelError, match="cannot be heard"):
        invert(Gaussian(True), x, [1.0, 0.5, 0.0], NOTHING, record=1)


@pytest.mark.parametrize(("family", "layers"), [("flux", 1), ("sd", 1), ("sd3", 1)])
def test_pipelines_of_diffusers_record_and_take_values(family, layers):
    pytest.importorskip("diffusers")
    import tiny_pipelines

    from faceveil.core.engines.diffusers import adapt

    denoiser, _ = adapt(getattr(tiny_pipelines, family)())
    x = latent(1, denoiser.channels, 8, 8, dtype=torch.float32)
    sigmas, path = recorded(denoiser, x, conditioning=denoiser.describe(["a person"], 1.0))
    assert len(path.values) == layers
    guided = denoiser.describe(["red hair"], 3.0)
    plain = generate(denoiser, path.start, sigmas, guided)
    changed = generate(denoiser, path.start, sigmas, guided, injection=Injection(path, sigmas[2]))
    assert float((changed - plain).abs().max()) > 0
