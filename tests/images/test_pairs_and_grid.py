"""Photos that belong together, and pictures laid side by side."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from faceveil.core.errors import InputError
from faceveil.core.images.grid import draw_grid
from faceveil.core.images.pairs import pairs_in


def laid_out(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(folder / name)


def test_photos_are_paired_by_name_and_those_without_a_namesake_are_left_out(tmp_path):
    laid_out(tmp_path, "a/ann.png", "a/bob.png", "b/ann.jpg", "b/carl.png")
    assert pairs_in(tmp_path) == [(tmp_path / "a" / "ann.png", tmp_path / "b" / "ann.jpg")]


@pytest.mark.parametrize("aligned", ["", "_align"])
def test_the_layout_of_a_published_set_is_known(tmp_path, aligned):
    first, second = f"train{aligned}/train_7.png", f"test{aligned}/test_7.png"
    laid_out(tmp_path, first, second)
    assert pairs_in(tmp_path) == [(tmp_path / first, tmp_path / second)]


def test_folders_without_a_pair_are_refused_with_what_is_missing(tmp_path):
    with pytest.raises(InputError, match="no folder"):
        pairs_in(tmp_path / "missing")
    with pytest.raises(InputError, match="two folders, a and b"):
        pairs_in(tmp_path)
    laid_out(tmp_path, "a/ann.png", "b/bob.png")
    with pytest.raises(InputError, match="namesake"):
        pairs_in(tmp_path)


def test_pictures_of_any_shape_are_fitted_and_centred_in_their_tiles():
    red, wide = torch.zeros(1, 3, 10, 10), torch.ones(1, 3, 10, 40) * 0.5
    red[:, 0] = 1
    sheet = draw_grid([("", red), ("", wide), ("", red)], columns=2, side=40)
    assert sheet.width == 80 and sheet.height % 2 == 0
    tall = sheet.height // 2
    title = tall - 40
    assert sheet.getpixel((20, title + 20)) == (255, 0, 0) == sheet.getpixel((20, tall + title + 20))
    # A fourth as high as it is wide: ten rows in the middle of forty.
    column = [sheet.getpixel((60, title + row)) for row in range(40)]
    assert [row for row in range(40) if column[row] != (255, 255, 255)] == list(range(15, 25))
    assert sheet.getpixel((60, tall + title + 20)) == (255, 255, 255)
