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
    assert images.to_uint8(torch.tensor([-1.0, 0.5 / 255, 1.5 / 255, 2.0])).tolist() == [0, 1, 2, 255]
    pixels = images.from_pil(Image.fromarray(RGB))
    assert pixels.shape == (1, H, W, 3) and pixels.dtype == torch.float32
    assert (np.asarray(images.to_pil(pixels)) == RGB).all()
    assert images.to_bchw(pixels).shape == (1, 3, H, W)
    assert torch.equal(images.to_bhwc(images.to_bchw(pixels)), pixels)
    with pytest.raises(ValueError, match="one picture"):
        images.to_pil(pixels[0])


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
