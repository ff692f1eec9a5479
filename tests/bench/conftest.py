from __future__ import annotations

import shutil

import pytest
from tiny_networks import tiny_recogniser


@pytest.fixture(scope="session")
def pairs(tmp_path_factory, examples):
    """Two people, two photos each; the second one twice over, since the project has no more."""
    folder = tmp_path_factory.mktemp("pairs")
    for side, photos in (("a", ("person-first.jpg", "portrait.png")), ("b", ("person-second.jpg", "portrait.png"))):
        (folder / side).mkdir()
        for name, photo in zip(("one", "two"), photos, strict=True):
            source = examples / photo
            shutil.copy(source, folder / side / f"{name}{source.suffix}")
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    return tiny_recogniser(tmp_path_factory.mktemp("recognisers"))
