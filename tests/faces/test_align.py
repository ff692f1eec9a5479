"""Alignment against OpenCV, and its gradients against finite differences."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from faceveil.core.errors import InputError
from faceveil.core.faces.align import TEMPLATES, align, boxed_points, jitter, similarity, template_points, warp

POINTS = torch.tensor([[190.0, 121.0], [262.0, 118.0], [228.0, 161.0], [199.0, 196.0], [255.0, 194.0]])


@pytest.fixture(scope="module")
def portrait(examples) -> torch.Tensor:
    pixels = np.asarray(Image.open(examples / "portrait.png").convert("RGB"), dtype=np.float32) / 255
    return torch.from_numpy(pixels).permute(2, 0, 1)[None]


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("size", [112, 160])
def test_warp_agrees_with_opencv(portrait, template, size):
    matrix = similarity(POINTS[None], template_points(template, size, POINTS))
    ours = warp(portrait, matrix, size)[0].permute(1, 2, 0).numpy()
    # On float pictures: cv2 rounds its weights to 1/32 px for bytes, and its remap of floats shows the same.
    theirs = cv2.warpAffine(
        portrait[0].permute(1, 2, 0).numpy(), matrix[0].numpy(), (size, size), flags=cv2.INTER_LINEAR
    )
    assert np.abs(ours - theirs).mean() < 1 / 255 / 4
    assert np.quantile(np.abs(ours - theirs), 0.999) < 4 / 255


def test_warp_equals_opencv_where_its_weights_are_exact(portrait):
    """At shifts of whole 1/32 px OpenCV's rounded weights are exact, and every pixel agrees to 1/255."""
    matrix = torch.tensor([[[1.0, 0.0, -100.03125], [0.0, 1.0, -60.53125]]])
    ours = warp(portrait, matrix, 112)[0].permute(1, 2, 0).numpy()
    theirs = cv2.warpAffine(portrait[0].permute(1, 2, 0).numpy(), matrix[0].numpy(), (112, 112), flags=cv2.INTER_LINEAR)
    assert np.abs(ours - theirs).max() < 1 / 255


def test_warp_makes_any_size_and_repeats_edges_when_asked(portrait):
    shift = torch.tensor([[[1.0, 0.0, 30.0], [0.0, 1.0, 20.0]]])
    zeros, edges = (warp(portrait, shift, (60, 90), outside) for outside in ("zeros", "border"))
    assert zeros.shape == (1, 3, 60, 90) and torch.allclose(zeros[..., 20:, 30:], portrait[..., :40, :60], atol=1e-4)
    assert zeros[..., :20, :].abs().max() < 1e-4
    assert torch.allclose(edges[..., :20, 30:], portrait[..., :1, :60].expand(-1, -1, 20, -1), atol=1e-4)


def test_similarity_agrees_with_opencv():
    for template in TEMPLATES:
        target = template_points(template, 112, POINTS)
        theirs, _ = cv2.estimateAffinePartial2D(POINTS.numpy(), target.numpy(), method=cv2.LMEDS, refineIters=50)
        ours = similarity(POINTS, target)
        ours_off, theirs_off = (
            ((POINTS @ m[:, :2].T + m[:, 2]) - target).square().sum() for m in (ours, torch.from_numpy(theirs).float())
        )
        assert ours_off <= theirs_off + 1e-3


def test_similarity_recovers_a_known_transform():
    angle, scale, shift = 0.3, 1.7, torch.tensor([5.0, -9.0])
    rotation = torch.tensor([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]).float() * scale
    matrix = similarity(POINTS, POINTS @ rotation.T + shift)
    assert torch.allclose(matrix[:, :2], rotation, atol=1e-4)
    assert torch.allclose(matrix[:, 2], shift, atol=1e-2)


def test_points_land_on_the_template(portrait):
    matrix = similarity(POINTS, template_points("arcface", 112, POINTS))
    landed = POINTS @ matrix[:, :2].T + matrix[:, 2]
    assert (landed - template_points("arcface", 112, POINTS)).norm(dim=1).max() < 6


def test_a_box_shown_as_it_is_fills_the_crop():
    """The square around a box 40 wide and 60 high, its corners landing on the crop's."""
    matrix = similarity(boxed_points((30, 20, 70, 80)), template_points("arcface", 112, POINTS))
    corners = torch.tensor([[20.0, 20.0], [80.0, 80.0]])
    landed = corners @ matrix[:, :2].T + matrix[:, 2]
    assert torch.allclose(landed, torch.tensor([[0.0, 0.0], [112.0, 112.0]]), atol=1e-3)


def test_align_has_gradients_to_picture_and_points():
    generator = torch.Generator().manual_seed(0)
    # A smooth picture: bilinear sampling has kinks at pixel centres, which finite differences would trip over.
    ramp = torch.linspace(0, 1, 64, dtype=torch.float64)
    image = torch.stack([ramp[:, None] * ramp, ramp[:, None] + 0 * ramp, 0 * ramp[:, None] + ramp])[
        None
    ].requires_grad_()
    points = (POINTS[None].double() / 5 + 1e-3).requires_grad_()
    weight = torch.randn(1, 3, 16, 16, generator=generator, dtype=torch.float64)
    value = lambda i, p: (align(i, p, "arcface", 16) * weight).sum()
    by_image, by_points = torch.autograd.grad(value(image, points), (image, points))
    for variable, gradient in ((0, by_image), (1, by_points)):
        tensors = [image.detach(), points.detach()]
        direction = torch.randn(gradient.shape, generator=generator, dtype=torch.float64)
        ends = []
        for sign in (1, -1):
            moved = list(tensors)
            moved[variable] = moved[variable] + sign * 1e-6 * direction
            ends.append(value(*moved))
        assert torch.isclose((ends[0] - ends[1]) / 2e-6, (gradient * direction).sum(), rtol=1e-3)


def test_large_faces_are_averaged_not_skipped():
    """A checkerboard of single pixels is grey from afar; plain bilinear sampling would alias it."""
    board = (torch.arange(2000)[:, None] + torch.arange(2000)).remainder(2).float().expand(1, 3, -1, -1)
    crop = align(board, POINTS[None] * 6, "arcface", 32)
    assert (crop[..., 8:-8, 8:-8] - 0.5).abs().max() < 0.05


def test_shrunk_alignment_matches_the_direct_one(portrait):
    large = torch.nn.functional.interpolate(portrait, scale_factor=4, mode="bilinear")
    big_points = (POINTS[None] + 0.5) * 4 - 0.5
    direct, shrunk = align(portrait, POINTS[None], "arcface", 112), align(large, big_points, "arcface", 112)
    assert (direct - shrunk).abs().mean() < 0.01


def test_one_picture_many_faces_equals_one_by_one(portrait):
    points = torch.stack([POINTS, POINTS + 3])
    both = align(portrait, points, "dlib", 64)
    assert torch.allclose(both, torch.cat([align(portrait, p[None], "dlib", 64) for p in points]), atol=1e-6)


def test_jitter_moves_by_the_stated_amount_and_repeats():
    many = POINTS.expand(2000, 5, 2)
    moved = jitter(many, 0.02, torch.Generator().manual_seed(1))
    eyes = (POINTS[1] - POINTS[0]).norm()
    assert torch.isclose((moved - many).std(), eyes * 0.02, rtol=0.05)
    assert torch.equal(moved, jitter(many, 0.02, torch.Generator().manual_seed(1)))


def test_unknown_template_names_the_known_ones():
    with pytest.raises(InputError, match="arcface"):
        align(torch.zeros(1, 3, 8, 8), POINTS[None], "nose", 8)
