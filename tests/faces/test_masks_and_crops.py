"""The oval covers the face; paste-back touches nothing else."""

from __future__ import annotations

import pytest
import torch

from faceveil.core.errors import InputError
from faceveil.core.faces.crops import GRID, Window, paste, region_of, resize, window_around
from faceveil.core.faces.face import Face
from faceveil.core.faces.masks import face_oval, fit_mask, oval_extent

POINTS = torch.tensor([[190.0, 121.0], [262.0, 118.0], [228.0, 161.0], [199.0, 196.0], [255.0, 194.0]])
FACE = Face((165.0, 60.0, 285.0, 230.0), POINTS)


def test_oval_is_one_on_the_features_and_exactly_zero_outside():
    mask = face_oval(POINTS[None], 400, 450)
    assert mask.shape == (1, 1, 400, 450)
    x, y = POINTS.round().long().unbind(1)
    assert mask[0, 0, y, x].min() > 0.9
    assert mask[0, 0, 0].max() == 0 and mask[0, 0, :, 0].max() == 0
    assert mask.max() == 1 and (mask == 0).float().mean() > 0.5


def test_oval_turns_with_the_face():
    middle = POINTS.mean(0)
    turned = (POINTS - middle).flip(1) * torch.tensor([-1.0, 1.0]) + middle
    upright, sideways = face_oval(POINTS[None], 500, 500), face_oval(turned[None], 500, 500)
    extent = lambda m: [int((m[0, 0].amax(axis) > 0).sum()) for axis in (0, 1)]
    width, height = extent(upright)
    assert height > width * 1.15
    assert [abs(a - b) <= 3 for a, b in zip(extent(sideways), (height, width), strict=True)] == [True, True]


def test_window_is_square_with_its_margin():
    window = window_around(FACE, margin=0.3)
    assert window.height == window.width and abs(window.height - 1.6 * 170) <= 1
    assert torch.equal(Window(10, 20, 50, 60).shift(torch.tensor([[10.0, 20.0]])), torch.zeros(1, 2))


def test_window_over_the_border_repeats_the_edge_and_pastes_what_is_inside():
    photo = torch.rand(1, 3, 240, 250, generator=torch.Generator().manual_seed(0))
    window = window_around(FACE, margin=0.5)
    assert window.top < 0 and window.right > 250
    cut = window.cut(photo)
    assert cut.shape[-2:] == (window.height, window.width)
    assert torch.equal(cut[..., 0, -window.left + 5], photo[..., 0, 5]) if window.left < 0 else True
    beyond = window.right - 250
    assert torch.equal(cut[..., -window.top, -beyond:], photo[..., 0, -1:].expand(1, 3, beyond))
    ones = torch.ones(1, 1, window.height, window.width)
    assert torch.equal(paste(photo, window, cut, ones), photo)
    black = paste(photo, window, cut * 0, ones)
    assert black[..., : window.bottom, max(0, window.left) :].max() == 0
    assert torch.equal(black[..., window.bottom :, :], photo[..., window.bottom :, :])


def test_a_face_goes_into_a_window_and_back():
    face = Face((10.0, 20.0, 30.0, 50.0), torch.rand(5, 2) * 40, 0.9)
    window = Window(-3, 7, 60, 70)
    back = window.moved_back(window.moved(face))
    assert window.moved(face).box == (13.0, 13.0, 33.0, 43.0)
    assert back.box == face.box and back.score == face.score
    torch.testing.assert_close(back.points, face.points)


def test_paste_leaves_every_pixel_outside_the_mask_bit_identical():
    generator = torch.Generator().manual_seed(0)
    photo = torch.rand(1, 3, 320, 360, generator=generator)
    window = window_around(FACE, margin=0.2)
    mask = face_oval(window.shift(POINTS)[None], window.height, window.width)
    changed = torch.rand(1, 3, window.height, window.width, generator=generator)
    result = paste(photo, window, changed, mask)
    whole = torch.zeros(1, 1, 320, 360)
    window.cut(whole).copy_(mask)
    outside = (whole == 0).expand_as(photo)
    assert torch.equal(result[outside], photo[outside])
    assert not torch.equal(result[~outside], photo[~outside])
    inside = (mask > 0).expand_as(changed)
    assert torch.equal(window.cut(result)[inside], changed[inside])


def test_resize_does_not_touch_the_right_size():
    image = torch.rand(1, 3, 10, 12)
    assert resize(image, 10, 12) is image
    assert resize(image, 5, 6).shape == (1, 3, 5, 6)


def test_a_small_photo_is_one_region_and_a_large_one_what_its_faces_need():
    assert region_of([FACE], 1000, 1200) == Window(0, 0, 1200, 1000)
    large = Face((2965.0, 2060.0, 3085.0, 2230.0), POINTS + 2000)
    region, window = region_of([large], 6001, 5003), window_around(large, 1.0)
    assert region.width < 700 and region.left % GRID == region.top % GRID == region.height % GRID == 0
    assert region.left <= window.left and window.bottom <= region.bottom
    both = region_of([large, FACE], 6001, 5003)
    assert (both.left, both.top) == (0, 0) and both.right == region.right
    corner = Face((4900.0, 5900.0, 5000.0, 6000.0), POINTS)
    assert region_of([corner], 6001, 5003).right == 5003
    moved = region.moved(large)
    assert torch.equal(moved.points, region.shift(large.points)) and moved.size == large.size


def test_an_ovals_extent_is_where_its_mask_ends():
    centres, reaches = oval_extent(POINTS[None])
    inside = face_oval(POINTS[None], 400, 450)[0, 0] > 0
    for axis, (middle, far) in enumerate(zip(centres[0].tolist(), reaches[0].tolist(), strict=True)):
        found = inside.any(axis).nonzero()
        assert abs(float(found.min()) - (middle - far)) < 2 and abs(float(found.max()) - (middle + far)) < 2


def test_a_mask_of_another_size_is_resized_and_one_of_another_shape_refused():
    half = torch.cat([torch.zeros(1, 20, 15), torch.ones(1, 20, 15)], 2)
    assert torch.equal(fit_mask(half, 20, 30), half[:, None])
    larger = fit_mask(half, 40, 60)
    assert larger.shape == (1, 1, 40, 60) and larger[..., :28].max() == 0 and larger[..., 32:].min() == 1
    with pytest.raises(InputError, match="30x20, the picture 20x30"):
        fit_mask(half, 30, 20)
