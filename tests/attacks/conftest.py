from __future__ import annotations

import pytest

from faceveil.core.attacks.scene import Scene, scene_of
from faceveil.core.faces.find import find_faces
from faceveil.core.images import read_photo, to_bchw


@pytest.fixture(scope="session")
def scene(examples) -> Scene:
    """The example portrait as an opponent has it."""
    picture = to_bchw(read_photo(examples / "portrait.png").pixels)
    return scene_of(picture, find_faces(picture)[0])
