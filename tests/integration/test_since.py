"""Who is skipped on an older ComfyUI, told without running any."""

from __future__ import annotations

from pathlib import Path

import pytest

from .since import here, skip_before


def comfyui(folder: Path, version: str) -> Path:
    (folder / "comfyui_version.py").write_text(f'__version__ = "{version}"\n')
    return folder


def test_an_older_version_skips_by_name_and_says_since_when(tmp_path):
    with pytest.raises(pytest.skip.Exception) as skipped:
        skip_before((0, 3, 72), "the model flux2", comfyui(tmp_path, "0.3.64"))
    assert str(skipped.value) == "ComfyUI 0.3.64 lacks the model flux2, which came with 0.3.72"


@pytest.mark.parametrize("version", ["0.3.72", "0.8.0", "0.33.0", "1.0.0"])
def test_a_version_that_has_it_skips_nothing(tmp_path, version):
    skip_before((0, 3, 72), "the model flux2", comfyui(tmp_path, version))


def test_a_folder_that_does_not_say_its_version_skips_nothing(tmp_path):
    assert here(tmp_path) == ()
    skip_before((9, 0, 0), "everything", tmp_path)
