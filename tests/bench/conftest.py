"""Two people, a small recogniser, and a method in haste."""

from __future__ import annotations

from dataclasses import replace

import pytest
from photos import smaller
from tiny_networks import tiny_recogniser

from faceveil.core.methods.recipes import RECIPES


@pytest.fixture(scope="session")
def pairs(tmp_path_factory, examples):
    """Two people, two small photos each; the second one twice over, since the project has no more."""
    folder = tmp_path_factory.mktemp("pairs")
    for side, photos in (("a", ("person-first.jpg", "portrait.png")), ("b", ("person-second.jpg", "portrait.png"))):
        (folder / side).mkdir()
        for name, photo in zip(("one", "two"), photos, strict=True):
            source = examples / photo
            smaller(source, folder / side / f"{name}{source.suffix}")
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    return tiny_recogniser(tmp_path_factory.mktemp("recognisers"))


@pytest.fixture(scope="module")
def hasty():
    """The method that is compared makes two iterations: what is tested is everything around them."""
    with pytest.MonkeyPatch.context() as patch:
        noise = RECIPES["pixel-noise"]
        patch.setitem(RECIPES, "pixel-noise", replace(noise, settings=replace(noise.settings, iterations=2)))
        yield
