"""The hashes that show a move of code to change nothing."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
import torch

FILE = Path(__file__).resolve().parents[1] / "docs" / "measure" / "figures.py"
SCRIPT = runpy.run_path(str(FILE), run_name="figures")


def test_one_bit_is_another_hash():
    picture = torch.full((1, 3, 4, 4), 0.5)
    other = picture.clone()
    other[0, 0, 0, 0] = torch.nextafter(other[0, 0, 0, 0], torch.tensor(1.0))
    assert SCRIPT["digest"](picture) == SCRIPT["digest"](picture.clone()) != SCRIPT["digest"](other)


@pytest.mark.parametrize("name", ["recipes", "find", "align", "dlib_resnet", "sface"])
def test_what_it_asks_for_is_found_wherever_it_lies(name):
    """By its last name, so that no second module may bear it."""
    assert SCRIPT["module"](name).__name__.endswith(f".{name}")
