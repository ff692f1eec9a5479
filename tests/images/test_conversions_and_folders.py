"""Pictures between their forms, and which files of a folder are photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from photos import RGB, H, W
from PIL import Image

from faceveil.core import images
from faceveil.core.errors import InputError
from faceveil.core.images import list_photos


def test_conversions_are_exact() -> None:
    levels = torch.arange(256)
    assert torch.equal(images.to_uint8(levels / 255), levels.to(torch.uint8))
    assert torch.equal(images.as_saved(levels / 255), levels / 255)
    assert images.to_uint8(torch.tensor([-1.0, 0.5 / 255, 1.5 / 255, 2.0])).tolist() == [0, 1, 2, 255]
    pixels = images.from_pil(Image.fromarray(RGB))
    assert pixels.shape == (1, H, W, 3) and pixels.dtype == torch.float32
    assert (np.asarray(images.to_pil(pixels)) == RGB).all()
    assert images.to_bchw(pixels).shape == (1, 3, H, W)
    assert torch.equal(images.to_bhwc(images.to_bchw(pixels)), pixels)
    with pytest.raises(ValueError, match="one picture"):
        images.to_pil(pixels[0])


@pytest.mark.parametrize(
    ("pixels", "says"),
    [
        (torch.full((1, 64, 64, 3), 255.0), r"lie in \[0, 1\], but these go from 255 to 255: divide"),
        (torch.full((1, 64, 64, 3), -0.5), "from -0.5 to"),
        (torch.full((1, 64, 64, 3), float("nan")), "from nan to nan"),
        (torch.zeros(1, 64, 64, 3, dtype=torch.uint8), r"this is \(1, 64, 64, 3\) of torch\.uint8: convert it first"),
        (torch.zeros(1, 64, 64, 3, dtype=torch.float64), r"of torch\.float64"),
        (torch.zeros(64, 64, 3), r"this is \(64, 64, 3\)"),
        (torch.zeros(1, 3, 64, 64), r"this is \(1, 3, 64, 64\)"),
        (torch.zeros(2, 64, 64, 3), r"this is \(2, 64, 64, 3\)"),
        (torch.zeros(1, 0, 64, 3), r"this is \(1, 0, 64, 3\)"),
        (RGB, "this is a ndarray"),
    ],
)
def test_pixels_of_another_kind_stop_at_the_door(pixels: object, says: str) -> None:
    photo = images.Photo(torch.rand(1, 64, 64, 3))
    for door in (images.Photo, photo.with_pixels):
        with pytest.raises(InputError, match=says):
            door(pixels)


def test_rounding_passes_the_door_in_either_order_of_memory() -> None:
    strayed = torch.rand(1, 3, 64, 70) * 1.0004 - 0.0002
    for pixels in (images.to_bhwc(strayed), strayed.movedim(1, -1)):
        assert images.Photo(pixels).width == 70
        assert images.to_uint8(images.Photo(pixels).pixels).max() == 255


def test_list_photos(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no photos"):
        list_photos(tmp_path)
    for name in ("b.JPG", "a.png", "notes.txt", "._a.png"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert [p.name for p in list_photos(tmp_path)] == ["a.png", "b.JPG"]
    for wrong in (tmp_path / "missing", tmp_path / "a.png"):
        with pytest.raises(InputError, match="is not a folder"):
            list_photos(wrong)


def test_pictures_in_range_stay_and_even_full_white_can_move() -> None:
    """Versions of torch differ in what slope a clamp has at its bound."""
    picture = torch.tensor([-0.5, 0.0, 0.25, 1.0, 1.5], requires_grad=True)
    kept = images.in_range(picture)
    assert kept.tolist() == [0, 0, 0.25, 1, 1]
    assert torch.autograd.grad(kept.sum(), picture)[0].tolist() == [0, 1, 1, 1, 0]
