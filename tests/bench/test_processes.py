"""A bench by several processes at once."""

from __future__ import annotations

import os

import pytest
import torch
from commandline import run


@pytest.fixture
def half_of_the_threads():
    """As many as each of two workers has: sums in another order round otherwise."""
    threads = torch.get_num_threads()
    torch.set_num_threads(max((os.cpu_count() or 1) // 2, 1))
    yield
    torch.set_num_threads(threads)


@pytest.mark.slow
def test_processes_side_by_side_make_the_same_pictures(half_of_the_threads, pairs, tiny, tmp_path, capsys):
    words = ("bench", pairs, "--recognisers", "dlib", tiny, "--methods", "pixel-noise", "--count", "1")
    for jobs in (1, 2):
        assert run(capsys, *words, "-o", tmp_path / str(jobs), "--jobs", jobs)[0] == 0
    pictures = sorted((tmp_path / "1").rglob("pictures/**/*.png"))
    assert len(pictures) == 2
    for picture in pictures:
        same = picture.read_bytes() == (tmp_path / "2" / picture.relative_to(tmp_path / "1")).read_bytes()
        assert same, picture  # pytest would spend minutes on showing how two pictures differ
