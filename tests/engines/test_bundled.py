"""The generator that comes with the package: it loads fast, reconstructs, and does what its words say."""

from __future__ import annotations

import time

import pytest
import torch

from faceveil.core.engines.bundled import BundledDenoiser, load_autoencoder
from faceveil.core.engines.words import BUCKETS, KNOWN, LENGTH, TONES, bucket, indices, understood
from faceveil.core.faces.find import find_faces
from faceveil.core.methods.edit import Edit, edit_image
from faceveil.core.regions.named import region_mask
from faceveil.core.trajectory.paths import generate, invert


@pytest.fixture(scope="module")
def autoencoder():
    return load_autoencoder()


@pytest.fixture(scope="module")
def denoiser():
    return BundledDenoiser()


@pytest.fixture(scope="module")
def small_portrait(portrait):
    return torch.nn.functional.interpolate(portrait, (256, 256), mode="bicubic", antialias=True).clamp(0, 1)


def psnr(a, b):
    return float(-10 * (a.clamp(0, 1) - b).square().mean().log10())


def test_every_tone_has_a_vector_of_its_own():
    assert len({bucket(tone) for tone in TONES}) == len(TONES)
    assert all(bucket(word) == bucket(tone) for word, tone in KNOWN.items())
    assert all(0 < bucket(word) < BUCKETS for word in ("a", "person", "zebra"))


def test_prompts_become_buckets_and_keep_what_means_something():
    assert indices("") == [0] * LENGTH
    assert indices("Red, hair!")[:2] == [bucket("red"), bucket("hair")]
    long = "a person who is standing in front of a very large house with crimson lips and golden hair"
    assert bucket("red") in indices(long) and bucket("golden") in indices(long) and len(indices(long)) == LENGTH
    assert understood(long) == ["crimson", "golden"]


def test_loading_takes_less_than_a_second_of_processor_time():
    started = time.process_time()
    load_autoencoder(), BundledDenoiser()
    assert time.process_time() - started < 1


def test_pictures_survive_the_autoencoder(autoencoder, small_portrait):
    with torch.no_grad():
        latent = autoencoder.encode(small_portrait)
        assert latent.shape == (1, 16, 32, 32)
        assert psnr(autoencoder.decode(latent), small_portrait) > 29


@pytest.mark.slow
def test_research_faces_never_seen_in_training_are_reconstructed_at_34_db(autoencoder, shared_faces):
    from faceveil.core.images import read_photo, to_bchw

    with torch.no_grad():
        pictures = [to_bchw(read_photo(path).pixels) for path in sorted(shared_faces.glob("[ab]/*.png"))]
        values = [psnr(autoencoder.decode(autoencoder.encode(x)), x) for x in pictures]
    assert sum(values) / len(values) > 34


def test_inversion_then_generation_returns_the_latent(denoiser, autoencoder, small_portrait):
    with torch.no_grad():
        clean = autoencoder.encode(small_portrait)
    sigmas, nothing = denoiser.sigmas(25, (32, 32)), denoiser.describe([""])
    path = invert(denoiser, clean, sigmas, nothing)
    back = generate(denoiser, path.start, sigmas, nothing)
    with torch.no_grad():
        assert psnr(autoencoder.decode(back), autoencoder.decode(clean).clamp(0, 1)) > 30


@pytest.mark.parametrize(("word", "channel", "region"), [("red", 0, "lips"), ("blue", 2, "hair"), ("green", 1, "hair")])
def test_a_colour_word_moves_its_region_towards_the_colour(denoiser, autoencoder, portrait, word, channel, region):
    mask = region_mask(find_faces(portrait), [region], *portrait.shape[-2:])
    done = edit_image(portrait, mask, Edit(word, guidance=6), denoiser, autoencoder)
    change = ((done.image - portrait) * mask).sum((0, 2, 3)) / mask.sum()
    others = [value for index, value in enumerate(change.tolist()) if index != channel]
    assert float(change[channel]) - sum(others) / 2 > 0.05
    assert torch.equal(done.image[(mask == 0).expand_as(portrait)], portrait[(mask == 0).expand_as(portrait)])
