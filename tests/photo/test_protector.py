"""From a photo to a protected photo: what is refused before any work, and what a large photo costs."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from PIL import Image
from small_flux import Doubling, SmallFlux

from faceveil.core.errors import InputError
from faceveil.core.faces import crops
from faceveil.core.faces.face import Face
from faceveil.core.images import Photo, read_photo
from faceveil.core.methods.recipes import OTHERS, choose
from faceveil.core.optimise import Settings
from faceveil.core.photo.protector import Protector
from faceveil.core.recognisers.dlib_resnet import load_dlib
from faceveil.core.search.task import refuse_small

MEGABYTES_AT_40_MEGAPIXELS = 2200
_PROTECT = """
import resource, sys
from dataclasses import replace
from faceveil.core import cli
from faceveil.core.methods import recipes
from faceveil.core.optimise import Settings
recipes.RECIPES["light"] = replace(recipes.RECIPES["light"], settings=Settings(2))
code = cli.main(["protect", sys.argv[1], "-o", sys.argv[2], "--strength", "light"])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, file=sys.stderr)
sys.exit(code)
"""


def face(size: float) -> Face:
    return Face((0.0, 0.0, size, size + 1), torch.zeros(5, 2))


def test_faces_too_small_are_refused_with_what_helps_these_faces():
    refuse_small([face(40), face(200)])
    with pytest.raises(InputError, match=r"The face is only 30 px wide.*larger copy") as alone:
        refuse_small([face(30)])
    with pytest.raises(InputError, match="The largest face is only 39 px wide") as all_small:
        refuse_small([face(39), face(20)])
    assert "--faces" not in str(alone.value) + str(all_small.value)
    with pytest.raises(InputError, match=r"1 of 2 faces .*20 px.*the largest"):
        refuse_small([face(90), face(20)])


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_seed_gives_the_same_bits_with_as_many_threads(examples, threads):
    photo = Photo(read_photo(examples / "portrait.png").pixels[:, :256, 100:356])
    before, recipe = torch.get_num_threads(), replace(choose("light"), settings=Settings(2))
    torch.set_num_threads(threads)
    try:
        pictures = [Protector(recipe, [load_dlib()], seed=seed)(photo)[0].pixels for seed in (11, 12, 11)]
    finally:
        torch.set_num_threads(before)
    first, other, again = pictures
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_working_on_a_part_of_a_photo_changes_and_reports_the_same_place(examples, monkeypatch):
    small = read_photo(examples / "portrait.png").pixels
    photo = Photo(torch.full((1, 900, 1100, 3), 0.4))
    photo.pixels[:, 300:812, 500:1012] = small
    recipe = replace(OTHERS["pixel-noise"], settings=Settings(2))
    protector = Protector(recipe, [load_dlib()])
    whole, report = protector(photo)
    monkeypatch.setattr(crops, "WHOLE", 0)
    part, other = protector(photo)
    changed = [(result.pixels != photo.pixels).any(-1) for result in (whole, part)]
    assert changed[0].any() and (changed[0] == changed[1]).float().mean() > 0.999
    assert torch.equal(part.pixels[:, :300], photo.pixels[:, :300])
    assert other.faces[0].box == report.faces[0].box and other.faces[0].quality.outside_max == 0
    places = [each.faces[0].quality.worst for each in (report, other)]
    assert all(abs(one - another) < 12 for one, another in zip(*places, strict=True))


def test_what_was_grey_comes_back_grey(examples):
    pixels = read_photo(examples / "portrait.png").pixels.mean(-1, keepdim=True)
    grey = Photo(((pixels * 255).round() / 255).repeat(1, 1, 1, 3))
    protected, report = Protector(replace(OTHERS["pixel-noise"], settings=Settings(2)), [load_dlib()])(grey)
    assert (protected.pixels != grey.pixels).any() and (protected.pixels == protected.pixels[..., :1]).all()
    assert not report.faces[0].quality.outside_max


def test_a_denoiser_and_an_autoencoder_come_together_or_not_at_all():
    model = SmallFlux()
    with pytest.raises(InputError, match=r"'published-1' goes through the bundled model.*own autoencoder"):
        Protector(OTHERS["published-1"], [], autoencoder=Doubling())
    with pytest.raises(InputError, match=r"'small' came without the autoencoder"):
        Protector(OTHERS["published-1"], [], denoiser=model)
    both = Protector(OTHERS["published-1"], [], denoiser=model, autoencoder=Doubling())
    assert both.denoiser is model


def test_the_verdict_of_what_went_through_a_denoising_counts_its_evaluations(examples):
    """Every face of the photo, with progress that tells learning from searching, and one verdict path for all."""
    base, seen = OTHERS["published-1"], []
    short = {"settings": replace(base.settings, iterations=2), "denoising": replace(base.denoising, steps=4)}
    recipe = replace(base, size=64, **short)
    protector = Protector(recipe, [load_dlib()], faces="largest")
    photo = read_photo(examples / "portrait.png")
    protected, report = protector(photo, on_step=lambda step, objective: seen.append(objective is None))
    assert seen == [True] * 60 + [False] * 2
    assert report.evaluations["denoiser"] == 3 * (1 + 20 + 1 + 2 + 1) and report.recipe == "published-1"
    assert report.faces[0].quality.outside_max == 0 and not torch.equal(protected.pixels, photo.pixels)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts memory as Linux does")
def test_a_large_photo_fits_into_little_memory(examples, tmp_path):
    small = Image.open(examples / "portrait.png").convert("RGB")
    small.resize((6325, 6325)).save(tmp_path / "large.png", compress_level=1)
    arguments = [sys.executable, "-c", _PROTECT, str(tmp_path / "large.png"), str(tmp_path / "out.jpg")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert int(done.stderr.split()[-1]) < MEGABYTES_AT_40_MEGAPIXELS
