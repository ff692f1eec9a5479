"""Small photos, many of them."""

from __future__ import annotations

import numpy as np
import pytest
from cheap import hire, order
from many_photos import COUNT, contents
from PIL import Image

from faceveil.core.many.run import run


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEVEIL_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """Two hundred photos in folders, no two alike."""
    folder, random = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for index in range(COUNT):
        path = folder / f"class {index % 4}" / f"{index:03}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(random.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path)
    return folder


@pytest.fixture(scope="session")
def undisturbed(photos, tmp_path_factory):
    """What a run that nothing happens to writes, by name."""
    out = tmp_path_factory.mktemp("undisturbed")
    assert run(order(photos, out), hire(1)).done == COUNT
    return contents(out)
