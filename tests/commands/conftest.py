"""Photos and a home for the command line."""

from __future__ import annotations

import shutil
from functools import partial

import pytest
from commandline import cut_short
from photos import smaller
from PIL import Image

from faceveil.core.methods import guard


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEVEIL_HOME", str(tmp_path / "home"))


@pytest.fixture
def quick(monkeypatch):
    """A few iterations instead of many, also where a latent is searched or a generation is guarded: what is tested here
    is everything around them."""
    cut_short(monkeypatch)
    monkeypatch.setattr(guard, "GuardRecipe", partial(guard.GuardRecipe, settings=guard.Settings(2, patience=1)))


@pytest.fixture(scope="session")
def examples(examples, tmp_path_factory):
    """Those of a person in small copies, so that runs are quick."""
    folder = tmp_path_factory.mktemp("examples")
    shutil.copy(examples / "portrait.png", folder)
    for name in ("person-first.jpg", "person-second.jpg"):
        smaller(examples / name, folder / name)
    return folder


@pytest.fixture
def portrait(examples, tmp_path):
    """A small copy, so that runs are quick."""
    path = tmp_path / "photo.png"
    Image.open(examples / "portrait.png").convert("RGB").crop((100, 0, 356, 256)).save(path)
    return path


@pytest.fixture
def faceless(tmp_path):
    path = tmp_path / "sky.png"
    Image.new("RGB", (200, 200), (90, 120, 200)).save(path)
    return path
