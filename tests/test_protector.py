"""From a photo to a protected photo: what is refused before any work, and what a large photo costs."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from PIL import Image

from faceveil.core.errors import InputError
from faceveil.core.faces.face import Face
from faceveil.core.protector import refuse_small

MEGABYTES_AT_40_MEGAPIXELS = 2000
_PROTECT = """
import resource, sys
from dataclasses import replace
from faceveil.core import cli, recipes
from faceveil.core.optimise import Settings
recipes.RECIPES["light"] = replace(recipes.RECIPES["light"], settings=Settings(2))
code = cli.main(["protect", sys.argv[1], "-o", sys.argv[2], "--strength", "light"])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, file=sys.stderr)
sys.exit(code)
"""


def face(size: float) -> Face:
    return Face((0.0, 0.0, size, size + 1), torch.zeros(5, 2))


def test_faces_too_small_are_refused_with_what_helps_these_faces():
    refuse_small([face(40), face(200)])
    with pytest.raises(InputError, match=r"The face is only 30 px wide.*larger copy") as alone:
        refuse_small([face(30)])
    with pytest.raises(InputError, match="The largest face is only 39 px wide") as all_small:
        refuse_small([face(39), face(20)])
    assert "--faces" not in str(alone.value) + str(all_small.value)
    with pytest.raises(InputError, match=r"1 of 2 faces .*20 px.*--faces largest"):
        refuse_small([face(90), face(20)])


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts memory as Linux does")
def test_a_large_photo_fits_into_little_memory(examples, tmp_path):
    small = Image.open(examples / "portrait.png").convert("RGB")
    small.resize((6325, 6325)).save(tmp_path / "large.png", compress_level=1)
    arguments = [sys.executable, "-c", _PROTECT, str(tmp_path / "large.png"), str(tmp_path / "out.jpg")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert int(done.stderr.split()[-1]) < MEGABYTES_AT_40_MEGAPIXELS
