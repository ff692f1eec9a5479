"""Less than was found: by place while a search goes on, and by a share of all of it afterwards."""

from __future__ import annotations

import pytest
import torch

from faceveil.core.faces.crops import window_around
from faceveil.core.faces.face import Face
from faceveil.core.faces.find import find_faces
from faceveil.core.images import read_photo, to_bchw
from faceveil.core.perception.looks import look_at, paint_by_place
from faceveil.core.search.spending import hold_back, split_iterations, within
from faceveil.core.veil.light import LumaField
from faceveil.core.veil.wear import in_windows, wear

SIDE = 256


@pytest.fixture(scope="module")
def photo(examples) -> torch.Tensor:
    return to_bchw(read_photo(examples / "portrait.png").pixels)


@pytest.fixture(scope="module")
def face(photo) -> Face:
    return find_faces(photo, which="largest")[0]


@pytest.mark.parametrize(("count", "expected"), [(120, [80, 40]), (1, [1, 0]), (10, [7, 3])])
def test_iterations_are_shared_out_to_the_last(count, expected):
    assert split_iterations(count, (2 / 3, 1 / 3)) == expected


class Painted:
    """A photo with light about the left cheek alone."""

    def __init__(self, photo: torch.Tensor, face: Face) -> None:
        self.photo, self.face, self.windows = photo, face, [window_around(face, 0.35)]
        points = in_windows([face.points], self.windows, SIDE)
        self.light = LumaField(points, SIDE, 0.2, [24])
        self.light.control[0].data[..., 12:15, 6:9] = 2
        self.light.control[0].data[..., 13, 7] = -2

    def picture(self) -> torch.Tensor:
        return wear(self.photo, [self.face], self.windows, self.light)[0]


def test_light_is_held_back_where_it_shows_and_nowhere_else(photo, face):
    painted = Painted(photo, face)
    painted.light.control[0].data[..., 20, 12] = 0.01
    before = painted.light.alike(0, 0.2, None).detach().clone()
    much = float(paint_by_place(photo, painted.picture(), face)[0].max())
    most = much / 2
    hold_back(photo, painted.picture(), [face], [painted.light], most)
    after = painted.light.alike(0, 0.2, None).detach()
    assert float(paint_by_place(photo, painted.picture(), face)[0].max()) < 0.75 * much
    assert after[0, 0, 13, 7].abs() < 0.8 * before[0, 0, 13, 7].abs()
    assert after[0, 0, 20, 12] == before[0, 0, 20, 12]


def test_what_settles_looks_the_same_and_has_all_of_its_bound_again(photo, face):
    painted = Painted(photo, face)
    painted.light.control[0].data[..., 4, 4] = 20  # as far as a knot gets
    hold_back(photo, painted.picture(), [face], [painted.light], 0.2)
    held = painted.picture()
    painted.light.settle()
    assert (painted.light.left[0] == 1).all() and painted.light.control[0].isfinite().all()
    assert (painted.picture() - held).abs().max() < 1e-4


def test_the_largest_share_that_shows_no_more_is_worn(photo, face):
    painted = Painted(photo, face)

    def worn(share: float) -> tuple[torch.Tensor, torch.Tensor]:
        return wear(photo, [face], painted.windows, painted.light, None, share)

    much = look_at(photo, worn(1.0)[0], face).paint
    assert within(photo, [face], worn(1.0), worn, much)[0] == 1.0
    amount, picture, _ = within(photo, [face], worn(1.0), worn, much / 2)
    assert 0.94 * much / 2 <= look_at(photo, picture, face).paint <= much / 2 and 0 < amount < 1
