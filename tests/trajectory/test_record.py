"""The record of a path: what it holds in memory, what it moves to disk, and that nothing is lost on the way."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import torch

from faceveil.core.errors import OutputError
from faceveil.core.trajectory.record import Series, Shelf, Trajectory

KILOBYTE = 256
_RECORD = """
import re, torch
from pathlib import Path
from faceveil.core.trajectory.record import Trajectory

def held():
    return int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) >> 10

path, value = Trajectory(limit=16 << 20), torch.zeros(8 << 18)
before = held()
for step in range(24):
    path.layer("values").put(step / 24, value + step)
assert path.bytes == 192 << 20 and float(path.layer("values").at(23 / 24)[-1]) == 23
print(held() - before)
"""


def draw(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Where temporary folders are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
def test_what_exceeds_the_limit_lies_on_disk_and_is_the_same(dtype, temporary):
    size = torch.empty(0, dtype=dtype).element_size()
    series = Series(shelf=Shelf(limit=2 * KILOBYTE * size))
    written = [draw(2, KILOBYTE // 2, seed=seed, dtype=dtype) for seed in range(4)]
    for index, value in enumerate(written):
        series.put(index / 4, value)
    assert [path.stat().st_size for path in temporary.rglob("*.bin")] == [KILOBYTE * size] * 2
    assert series.shelf.bytes == series.shelf.spilled == 2 * KILOBYTE * size
    assert all(torch.equal(series.at(index / 4), value) for index, value in enumerate(written))
    between = torch.lerp(written[2], written[3], 0.5)
    assert torch.allclose(series.at(0.625).double(), between.double(), atol=1e-2)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts memory as Linux does")
def test_memory_holds_no_more_than_the_limit():
    """What the system cannot take back, in a process of its own; pages of a mapped file it can."""
    # Freed temporaries go back to the system at once: glibc would keep some for itself, now more, now fewer.
    settings = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "1048576"}
    done = subprocess.run([sys.executable, "-c", _RECORD], env=settings, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 64


def test_the_folder_goes_when_nothing_needs_it(temporary):
    path = Trajectory(limit=0)
    path.latents.put(0.5, draw(1, 4, 8, 8))
    assert len(list(temporary.rglob("*.bin"))) == 1
    start = path.start
    del path
    gc.collect()
    assert not list(temporary.iterdir()) and torch.equal(start, draw(1, 4, 8, 8))


def test_a_value_put_again_takes_the_place_of_the_old_one_and_its_room(temporary):
    for limit in (0, 4 * KILOBYTE):
        series = Series(shelf=Shelf(limit))
        for seed in range(5):
            series.put(0.5, draw(KILOBYTE, seed=seed))
        assert series.shelf.bytes + series.shelf.spilled == 4 * KILOBYTE
        assert torch.equal(series.at(0.5), draw(KILOBYTE, seed=4))
        assert len(list(temporary.rglob("*.bin"))) == (limit == 0), "on the disk as well"


def test_a_view_does_not_keep_what_it_is_a_view_of():
    series, whole = Series(), draw(100, KILOBYTE)
    series.put(0.5, whole[3])
    assert series.values[0].untyped_storage().nbytes() == 4 * KILOBYTE


def test_one_limit_holds_for_latents_velocities_and_attention_together():
    path = Trajectory(limit=8 * KILOBYTE)
    for series in (path.latents, path.velocities, path.layer("single.3"), path.layer("single.4")):
        for sigma in (0.25, 0.5):
            series.put(sigma, draw(KILOBYTE))
    assert path.shelf.bytes == 8 * KILOBYTE and path.bytes == 32 * KILOBYTE
    assert list(path.values) == ["single.3", "single.4"] and path.layer("single.3").sigmas == [0.25, 0.5]


def test_a_full_disk_is_one_sentence(monkeypatch):
    path = Trajectory(limit=0)
    path.latents.put(0.25, draw(4))

    def full(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match=r"No space left on device\. Make room"):
        path.latents.put(0.5, draw(4))
