"""What filters leave of a picture whose answer is known on paper."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from faceveil.core.attacks import filters
from faceveil.core.attacks.registry import ATTACKS, Tried
from faceveil.core.attacks.scene import SIDE, Scene, scene_of
from faceveil.core.faces.face import Face

POINTS = torch.tensor([[90.0, 100], [166, 100], [128, 150], [98, 190], [158, 190]])


def scene_with(picture, side=SIDE):
    """A face as large as the picture, so that a pixel is a pixel."""
    return Scene(picture, Face((0.0, 0.0, float(side), float(side)), POINTS))


@pytest.fixture
def noisy():
    """A grey step from .25 to .75 at half the width, under noise."""
    step = torch.full((1, 3, 64, 64), 0.25)
    step[..., 32:] = 0.75
    return step, step + 0.05 * torch.randn(step.shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("name", "strength"), [("bilateral", 0.12), ("nlm", 0.12), ("median", 5)])
def test_filters_that_keep_edges_take_noise_and_keep_the_edge(noisy, name, strength):
    step, picture = noisy
    cleaned = Tried(name, strength)(scene_with(picture))[0].picture
    flat = (slice(None), slice(None), slice(8, 56), slice(8, 24))
    assert (cleaned - step)[flat].std() < 0.6 * (picture - step)[flat].std()
    assert cleaned[..., 33].mean() - cleaned[..., 30].mean() > 0.4


def test_a_blur_is_as_wide_on_a_small_face_as_on_a_large_one():
    """In parts of the face: on a face of half the size half the pixels."""
    spot = torch.zeros(1, 3, 65, 65)
    spot[..., 32, 32] = 1
    wide = filters.blur(scene_with(spot), 2)[0, 0]
    narrow = filters.blur(scene_with(spot, SIDE // 2), 2)[0, 0]
    place = torch.arange(65.0) - 32
    deviations = [float(((each.sum(0) * place**2).sum() / each.sum()) ** 0.5) for each in (wide, narrow)]
    assert deviations == pytest.approx([2, 1], rel=0.1)


def test_gamma_and_a_median_of_one_pixel_do_what_they_say():
    grey = torch.full((1, 3, 8, 8), 0.25)
    assert torch.allclose(filters.gamma(scene_with(grey), 0.5), torch.full_like(grey, 0.5))
    assert torch.equal(filters.median(scene_with(grey), 1), grey)


@pytest.mark.parametrize("name", ["jpeg", "webp", "avif", "scale", "blur"])
def test_the_stronger_an_attack_the_less_is_left(scene, name):
    """Strengths are listed from weak to strong."""
    far = [
        float((Tried(name, strength)(scene)[0].picture - scene.picture).abs().mean())
        for strength in ATTACKS[name].strengths
    ]
    assert far == sorted(far) and far[0] > 0


def test_a_large_face_is_brought_to_one_size_and_a_small_one_is_left(scene):
    picture = torch.rand(1, 3, 900, 900, generator=torch.Generator().manual_seed(0))
    face = Face((200.0, 200.0, 712.0, 712.0), POINTS * 2 + 200)
    found = scene_of(picture, face)
    left, _, right, _ = found.face.box
    assert right - left == pytest.approx(SIDE, rel=0.02)
    assert torch.allclose((found.face.points[1] - found.face.points[0]), POINTS[1] - POINTS[0], atol=1)
    small = replace(face, box=(200.0, 200.0, 300.0, 300.0))
    assert scene_of(picture, small).face.box[2] - scene_of(picture, small).face.box[0] == pytest.approx(100)
