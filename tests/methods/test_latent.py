"""Weakened purification on whole latents."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from faceveil.core.engines.bundled import BundledDenoiser, load_autoencoder
from faceveil.core.faces.crops import resize
from faceveil.core.methods.guard import GuardRecipe
from faceveil.core.methods.latent import protect_latents, retraced
from faceveil.core.optimise import Settings
from faceveil.core.recognisers.ensemble import Ensemble
from faceveil.core.search.recipe import ATTENTION
from faceveil.core.trajectory.embeddings import Learning, last_levels, learn_embeddings, step_down
from faceveil.core.trajectory.paths import invert


@pytest.fixture(scope="module")
def way(portrait):
    denoiser, autoencoder = BundledDenoiser(), load_autoencoder()
    with torch.no_grad():
        clean = autoencoder.encode(resize(portrait[..., :288, 80:368], 256, 256))
    conditioning = denoiser.describe([""], 1.0)
    path = invert(denoiser, clean, last_levels(denoiser.sigmas(20, (32, 32)), 2), conditioning, "euler")
    return denoiser, autoencoder, clean, learn_embeddings(denoiser, path, conditioning, 2, Learning(1))


def test_a_path_walked_again_passes_where_it_did_and_is_listened_to(way):
    denoiser, _, _, short = way
    landed = []

    class Landing:
        def __init__(self, step):
            landed.append(step)

        def __enter__(self): ...

        def __exit__(self, *_): ...

    again = retraced(denoiser, short, Landing)
    assert landed == [0, 1]
    assert all(torch.allclose(one, other, atol=1e-5) for one, other in zip(short.latents, again.latents, strict=True))


def test_what_is_moved_changes_by_what_the_steps_make_of_it_and_is_matched_less(way, dlib_recogniser):
    denoiser, autoencoder, clean, short = way
    seen = []
    recipe = GuardRecipe(rate=0.05, settings=Settings(4, patience=0), visibility={ATTENTION: 1.0})
    moved = protect_latents(
        clean,
        denoiser,
        autoencoder,
        short,
        [dlib_recogniser],
        recipe,
        on_step=lambda index, step: seen.append(step.terms.values),
    )
    assert len(seen) == 4 and seen[0][ATTENTION] == 0 and seen[-1][ATTENTION] > 0
    assert (moved - clean).abs().max() > 0.01
    with torch.no_grad():
        before, after = autoencoder.decode(clean), autoencoder.decode(moved)
    assert 0 < (after - before).abs().mean() < 0.1
    from faceveil.core.faces.face import points_of
    from faceveil.core.faces.find import find_faces

    points = points_of(find_faces(before), before)
    known, now = (Ensemble([dlib_recogniser]).embed(picture, points)["dlib"] for picture in (before, after))
    assert float((known * now).sum()) < 0.995


def test_without_iterations_nothing_moves(way, dlib_recogniser):
    denoiser, autoencoder, clean, short = way
    recipe = GuardRecipe(settings=Settings(0), visibility={})
    same = protect_latents(clean, denoiser, autoencoder, short, [dlib_recogniser], recipe)
    assert torch.allclose(same, clean, atol=1e-5)
    x = short.latents[0]
    for here, there in pairwise(short.sigmas):
        x = step_down(denoiser, x, here, there, short.at(here))
    assert not torch.allclose(x, clean, atol=1e-5)  # what the short way misses is not put into the picture
