"""The demo, run on the example portrait with a short search."""

from __future__ import annotations

import pytest
from commandline import refused, run

from faceveil.core.images import read_photo


@pytest.mark.slow
def test_the_demo_leaves_four_pictures_and_says_what_they_are(tmp_path, capsys, quick):
    code, out, _ = run(capsys, "demo", "-o", tmp_path / "new" / "folder")
    assert code == 0
    for name in ("protected.png", "verdict.png", "edits.png", "reconstruction.png"):
        assert f"{name}: " in out and read_photo(tmp_path / "new" / "folder" / name).width >= 512
    assert "The face is still matched" in out, "three iterations are not enough, and the demo says so"


def test_a_demo_without_a_face_or_a_folder_is_refused(tmp_path, capsys):
    from PIL import Image

    Image.new("RGB", (128, 128), "grey").save(tmp_path / "grey.png")
    assert "In the photo 'grey.png'" in refused(capsys, "demo", tmp_path / "grey.png", "-o", tmp_path / "out")
    assert "cannot be made" in refused(capsys, "demo", "-o", tmp_path / "grey.png" / "inside")
