"""`faceveil protect` through a generator's denoising: the bundled one, a tiny pipeline of the real class, bad ones."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
import torch
from commandline import refused, run

pytest.importorskip("diffusers")
from tiny_clip import save_clip
from tiny_pipelines import sd

from faceveil.core.commands import protect as protect_command
from faceveil.core.commands.models import DTYPES, PREDICTIONS
from faceveil.core.engines import diffusers_families, diffusers_reading
from faceveil.core.engines.bundled import BundledDenoiser
from faceveil.core.engines.diffusers_denoiser import PipelineDenoiser
from faceveil.core.images import read_photo
from faceveil.core.methods.recipes import OTHERS, OUR_DENOISING, RECIPES
from faceveil.core.perception.clip import Direction
from faceveil.core.verdict.report import Report


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "tiny-sd"
    sd().save_pretrained(folder)
    return folder


@pytest.fixture
def small(quick, monkeypatch):
    """A window that the tiny pipeline, whose latents are only half as large as pictures, attends to quickly."""
    monkeypatch.setitem(RECIPES, "published-1", replace(RECIPES["published-1"], size=64))


@pytest.fixture
def made(monkeypatch):
    """Protectors that were made, none of which gets to work."""
    found = []

    def note(protector, *_, **__):
        found.append(protector)
        return Report([]), []

    monkeypatch.setattr(protect_command, "protect_quietly", note)
    return found


def protector_made(capsys, made, photo, out, *arguments):
    code, _, err = run(capsys, "protect", photo, "-o", out, *arguments)
    assert code == 0, err
    return made.pop()


def test_published_1_is_the_whole_method_with_exactly_the_published_numbers(capsys, made, portrait, tmp_path):
    protector = protector_made(capsys, made, portrait, tmp_path / "o.png", "--recipe", "published-1")
    assert protector.recipe == OTHERS["published-1"]
    assert isinstance(protector.denoiser, BundledDenoiser)
    both = protector_made(
        capsys, made, portrait, tmp_path / "o.png", "--recipe", "published-1", "--method", "purification"
    )
    assert both.recipe == protector.recipe


def test_a_strength_goes_through_the_denoising_in_a_latent_held_by_terms(capsys, made, portrait, tmp_path):
    out = tmp_path / "o.png"
    plain = protector_made(capsys, made, portrait, out)
    through = protector_made(capsys, made, portrait, out, "--method", "purification")
    assert plain.denoiser is None and plain.recipe.denoising is None
    assert through.recipe.denoising == OUR_DENOISING and through.recipe.name == "balanced+purification"
    assert plain.recipe.latent == 0 and not plain.recipe.visibility, "a photo needs no latent: bounds hold it"
    assert through.recipe.latent > 0 and through.recipe.visibility["peak"] > 0
    assert through.recipe.visibility["attention"] == 1.0
    deeper = ("--strength", "light", "--method", "purification", "--steps", "10", "--last", "4", "--low-memory")
    how = protector_made(capsys, made, portrait, out, *deeper).recipe.denoising
    assert (how.steps, how.last, how.checkpointed, how.learning) == (10, 4, True, OUR_DENOISING.learning)


def test_a_pipeline_brings_its_own_autoencoder_and_precision(capsys, made, portrait, tmp_path, pipeline):
    options = ("--method", "purification", "--model", pipeline, "--dtype", "bf16")
    protector = protector_made(capsys, made, portrait, tmp_path / "o.png", *options)
    assert isinstance(protector.denoiser, PipelineDenoiser)
    assert protector.denoiser.model.dtype == torch.bfloat16
    assert protector.autoencoder.name == protector.denoiser.name == "tiny-sd"


def test_a_photo_goes_through_a_pipeline_to_its_verdict(capsys, small, portrait, tmp_path, pipeline):
    out, report = tmp_path / "o.png", tmp_path / "r.json"
    options = ("--recipe", "published-1", "--model", pipeline, "--report", report)
    code, text, err = run(capsys, "protect", portrait, "-o", out, *options)
    assert code == 0 and "dlib (surrogate)" in text, err
    data = json.loads(report.read_text())
    # Up, three iterations of learning and a landing for each of three steps, three iterations, and the picture.
    assert data["recipe"] == "published-1" and data["evaluations"]["denoiser"] == 3 * (1 + 3 + 1 + 3 + 1)
    assert not torch.equal(read_photo(out).pixels, read_photo(portrait).pixels)
    assert data["faces"][0]["quality"]["outside_max"] == 0


def test_makeup_is_asked_for_as_strongly_as_protection(capsys, made, portrait, tmp_path):
    folder, out = save_clip(tmp_path / "clip"), tmp_path / "o.png"
    wish = ("--makeup", "red hair", "--clip", folder)
    protector = protector_made(capsys, made, portrait, out, "--method", "purification", *wish)
    assert protector.recipe.name == "balanced+purification+makeup" and protector.recipe.settings.patience == 0
    assert protector.recipe.visibility["makeup"] == 1 and protector.recipe.visibility["chroma"] == 0
    assert isinstance(protector.distances["makeup"], Direction)
    published = protector_made(capsys, made, portrait, out, "--recipe", "published-1", *wish)
    assert published.recipe.visibility["makeup"] == pytest.approx(0.003)


def test_makeup_takes_part_in_the_search(capsys, quick, portrait, tmp_path):
    folder, results = save_clip(tmp_path / "clip"), []
    for name, wish in (("plain", ()), ("made-up", ("--makeup", "red hair", "--clip", folder))):
        out = tmp_path / f"{name}.png"
        words = ("protect", portrait, "-o", out, "--strength", "light", "--surrogate", "dlib")
        code, _, err = run(capsys, *words, *wish)
        assert code == 0, err
        results.append(read_photo(out).pixels)
    assert not torch.equal(*results)


def broken(pipeline, folder, file, **changes):
    shutil.copytree(pipeline, folder)
    settings = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps({**settings, **changes}))
    return folder


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--method", "purification", "--recipe", "pixel-noise"), "'pixel-noise' cannot go through a denoising"),
        (("--method", "purification", "--recipe", "published-2"), "'published-2' cannot go through a denoising"),
        (("--method", "direct", "--recipe", "published-1"), "leave out --method direct"),
        (("--method", "both"), "--method: invalid choice"),
        (("--recipe", "published-1", "--last", "2"), "its own number of steps"),
        (("--method", "purification", "--steps", "2"), "last 3 steps of a schedule of 2"),
        (("--method", "purification", "--last", "0"), "--last: '0' is no whole number from 1"),
        (("--method", "purification", "--steps", "0"), "--steps: '0' is no whole number from 1"),
        (("--last", "2"), "--last was given without --method purification"),
        (("--low-memory",), "--low-memory was given without --method purification"),
        (("--model", "elsewhere"), "--model was given without --method purification"),
        (("--method", "purification", "--dtype", "fp16"), "--dtype was given without --model"),
        (("--method", "purification", "--variant", "fp16"), "--variant was given without --model"),
        (("--method", "purification", "--prediction", "sample"), "--prediction was given without --model"),
        (("--method", "purification", "--autoencoder", "taesd"), "its own autoencoder only"),
        (("--method", "purification", "--model", "missing/model.safetensors"), "There is no missing/model.safetensors"),
        (("--makeup", "red lipstick"), "--clip FOLDER"),
        (("--makeup", "red lipstick", "--clip", "nowhere"), "no config.json"),
        (("--makeup", "red lipstick", "--clip", "nowhere", "--recipe", "pixel-noise"), "cannot put on makeup"),
    ],
)
def test_impossible_wishes(capsys, portrait, tmp_path, arguments, says):
    assert says in refused(capsys, "protect", portrait, "-o", tmp_path / "o.png", *arguments)
    assert not (tmp_path / "o.png").exists()


def test_pipelines_that_cannot_serve(capsys, portrait, tmp_path, pipeline):
    def refusal(folder):
        return refused(
            capsys, "protect", portrait, "-o", tmp_path / "o.png", "--recipe", "published-1", "--model", folder
        )

    mute = broken(pipeline, tmp_path / "mute", "model_index.json", text_encoder=[None, None], tokenizer=[None, None])
    assert "no text encoder" in refusal(mute)
    odd = broken(pipeline, tmp_path / "odd", "scheduler/scheduler_config.json", prediction_type="flow_prediction")
    assert "predicts 'flow_prediction', which is not known here" in refusal(odd)
    sd(channels=9).save_pretrained(tmp_path / "inpainting")
    assert "takes 9 channels where its autoencoder makes 4" in refusal(tmp_path / "inpainting")


def test_names_by_heart_are_all_there():
    assert set(DTYPES) == set(diffusers_reading.DTYPES) and PREDICTIONS == diffusers_families.PREDICTIONS
    assert {name for name, recipe in RECIPES.items() if recipe.denoising} == {"published-1"}
