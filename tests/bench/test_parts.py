"""The parts that are mathematics: probe, Fréchet distance, ablations, whom to show, judges of one's own."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from faceveil.core.bench import memory
from faceveil.core.bench.frechet import frechet
from faceveil.core.bench.memory import peak_memory
from faceveil.core.bench.methods import ABLATIONS, method
from faceveil.core.bench.outside import load_outside
from faceveil.core.bench.sheets import ORDERS, chosen, closeness
from faceveil.core.bench.trial import split
from faceveil.core.errors import FaceVeilError, InputError, ModelError
from faceveil.core.methods.recipes import choose


def test_the_frechet_distance_of_gaussians_is_what_the_formula_says():
    """Same spread, means 3 apart: 9. One dimension, deviations 1 and 2: 1."""
    random = torch.Generator().manual_seed(0)
    base = torch.randn(4000, 3, generator=random, dtype=torch.float64)
    assert frechet(base, base + torch.tensor([3.0, 0, 0])) == pytest.approx(9, abs=1e-6)
    line = base[:, :1] - base[:, :1].mean()
    assert frechet(line, 2 * line) == pytest.approx(float(line.std()) ** 2, rel=1e-6)
    with pytest.raises(InputError, match="two pictures"):
        frechet(base[:1], base)


OF_LATENTS = {"perceptual", "structure", "chroma", "shading", "peak", "push", "masking", "learning"}


@pytest.mark.parametrize("name", ABLATIONS)
def test_every_ablation_changes_the_default_and_only_there(name):
    base = "balanced+purification" if name.removeprefix("no-") in OF_LATENTS else "balanced"
    changed, plain = method(f"{base}:{name}"), method(base)
    assert changed.name == f"{base}:{name}" == changed.recipe.name
    assert (changed.recipe, changed.surrogates) != (plain.recipe, plain.surrogates)
    assert choose("balanced").name == "balanced"


@pytest.mark.parametrize(
    "name",
    [
        *(f"balanced:no-{term}" for term in sorted(OF_LATENTS)),
        "light:autoencoder=taesd",
        "pixel-noise:free-expression",
        "momentum-noise:no-margin",
        "published-2:no-learning",
    ],
)
def test_an_ablation_that_changes_nothing_is_refused_and_those_that_do_are_named(name):
    """Its row would repeat the recipe's own, after as many minutes, and be read as a part that does not matter."""
    with pytest.raises(InputError, match=f"would do the same as '{name.partition(':')[0]}'.*half-iterations"):
        method(name)


def test_an_autoencoder_of_ones_own_is_for_recipes_that_move_a_latent():
    assert method("published-2:autoencoder=taesd").tiny == "taesd"
    assert method("light+purification:autoencoder=taesd").tiny == "taesd"


@pytest.mark.parametrize("name", ["nonsense", "balanced:nonsense"])
def test_methods_that_do_not_exist_are_explained(name):
    with pytest.raises(InputError):
        method(name)


def test_best_median_and_worst_are_shown_once_each():
    rows = [{"n": n} for n in (5, 3, 9, 1, 7, 2, 8, 4, 6)]
    names = [(name, row["n"]) for name, row in chosen(rows, lambda row: row["n"], 2)]
    assert names == [("best", 1), ("best", 2), ("median", 4), ("median", 5), ("worst", 8), ("worst", 9)]
    assert [row["n"] for _, row in chosen(rows[:3], lambda row: row["n"], 2)] == [3, 5, 9]


def test_sheets_go_by_paint_where_it_was_measured_also_where_there_is_none():
    visible = ORDERS["visibility"]
    assert visible({"quality": {"face_dssim": 0.3, "lpips_vgg": 0.2, "paint": 0.0}}) == 0.0
    assert visible({"quality": {"face_dssim": 0.3, "lpips_vgg": None, "paint": None}}) == 0.3


def test_the_nearest_judge_is_told_in_its_own_deviations_and_nobody_knows_without_thresholds():
    def seen(after, thresholds):
        return {"role": "judge", "thresholds": thresholds, "after": {"plain": after}}

    narrow, wide = seen(0.95, {"1e-2": 0.9}), seen(0.7, {"1e-2": 0.5})
    assert closeness({"recognisers": [narrow, wide]}) == pytest.approx(0.05 / 0.02)
    assert closeness({"recognisers": [seen(0.9, {})]}) == -float("inf")


def test_leaving_a_family_out_needs_somebody_on_both_sides(dlib_recogniser):
    with pytest.raises(InputError, match="Leaving out the family 'dlib'"):
        split([dlib_recogniser], "dlib")


def test_a_function_of_ones_own_may_judge(tmp_path):
    source = tmp_path / "service.py"
    source.write_text(
        "def alike(one, other):\n    return 1 - abs(one.mean() - other.mean()) / 255\n"
        "alike.thresholds = {'1e-2': 0.9}\n"
        "def broken(one, other):\n    raise ValueError('no key')\n"
    )
    judge = load_outside(f"{source}:alike")
    grey = torch.full((1, 3, 8, 8), 0.5)
    row = judge.row(grey, grey + 0.25, grey, {"dark": lambda picture: picture * 0})
    assert row["before"] == 1.0 and row["thresholds"] == {"1e-2": 0.9}
    assert np.allclose([row["after"]["plain"], row["after"]["dark"]], [1 - 63 / 255, 1 - 128 / 255])
    with pytest.raises(ModelError, match="'broken' failed: ValueError: no key"):
        load_outside(f"{source}:broken").row(grey, grey, grey, {})


@pytest.mark.parametrize("entry", ["service", "nowhere.py:judge", "json:nothing", "json:decoder"])
def test_judges_that_cannot_be_had_are_explained(entry):
    with pytest.raises(FaceVeilError):
        load_outside(entry)


def test_peak_memory_sees_what_was_taken_and_given_back():
    with peak_memory() as small:
        pass
    with peak_memory() as large:
        torch.ones(64 << 20)
    assert large.mb - small.mb > 200


def test_memory_is_left_untold_where_the_system_tells_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "missing")
    monkeypatch.setitem(sys.modules, "resource", None)
    with peak_memory() as peak:
        pass
    assert peak.mb is None
