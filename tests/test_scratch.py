"""What only a process at work needs is gone with it, however it goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from faceveil.core import scratch as module
from faceveil.core.scratch import in_memory, scratch

HOLDS = """
import sys, time
from pathlib import Path
from faceveil.core.scratch import in_memory, scratch
with scratch(Path(sys.argv[1])) as folder, in_memory("me.png", folder) as path:
    path.write_bytes(b"the unprotected photo")
    (folder / "more").write_bytes(b"more")
    print(path.read_bytes() == b"the unprotected photo", flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def as_a_new_process():
    module._sweep.cache_clear()
    yield
    module._sweep.cache_clear()


def holder(folder):
    process = subprocess.Popen([sys.executable, "-c", HOLDS, folder], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "True\n"
    return process


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_whoever_is_killed_leaves_no_picture_and_the_next_sweeps_up(tmp_path, how):
    with holder(tmp_path) as dead, holder(tmp_path) as alive:
        dead.send_signal(how)
        dead.wait()
        if hasattr(os, "memfd_create"):
            held = [path.read_bytes() for path in tmp_path.glob("*/me.png") if path.exists()]
            assert held == [b"the unprotected photo"], "that of the living, which is no file either"
            assert all(path.is_symlink() for path in tmp_path.glob("*/me.png"))
        with scratch(tmp_path):
            assert len(list(tmp_path.iterdir())) == 2, "its own and that of the living"
        alive.kill()
    module._sweep.cache_clear()
    with scratch(tmp_path):
        assert len(list(tmp_path.iterdir())) == 1
    assert not list(tmp_path.iterdir())


def test_sweeping_follows_no_link_and_touches_nothing_of_others(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "me.png").touch()
    (tmp_path / f"{module._PREFIX}x").symlink_to(tmp_path / "photos")
    (tmp_path / f"{module._PREFIX}y").touch()
    with scratch(tmp_path):
        pass
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["me.png"]
    assert (tmp_path / f"{module._PREFIX}y").exists()


def test_without_memory_files_it_works_all_the_same(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "memfd_create", raising=False)
    with scratch(tmp_path) as folder, in_memory("me.png", folder) as path:
        path.write_bytes(b"photo")
        assert path.read_bytes() == b"photo"
    assert not path.exists() and not Path(folder).exists()
