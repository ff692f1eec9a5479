"""Whole or not at all: everybody who writes a file, stopped half-way."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest
import torch
from veils import stirred

from faceveil.core.commands.written import text_file
from faceveil.core.errors import OutputError
from faceveil.core.images import Photo, write_photo
from faceveil.core.model_files import fetch
from faceveil.core.recognisers.card import Card, write_card
from faceveil.core.trajectory.files import save_trajectory
from faceveil.core.trajectory.record import Trajectory
from faceveil.core.veil.files import save_veil
from faceveil.core.whole import PART, is_stream, part_name, refuse_locked, whole

FULL = OSError(errno.ENOSPC, "No space left on device")


def write_a_photo(path: Path) -> None:
    write_photo(Photo(torch.rand(1, 64, 64, 3)), path)


def write_a_text(path: Path) -> None:
    with text_file(path) as file:
        file.write("new")


def write_a_path(path: Path) -> None:
    trajectory = Trajectory()
    trajectory.latents.put(0.0, torch.rand(1, 4, 8, 8))
    save_trajectory(trajectory, path)


def install_weights(path: Path) -> None:
    download = path.parent / "scratch"
    download.mkdir(exist_ok=True)
    (download / "weights").write_bytes(b"new")
    digest = hashlib.sha256(b"new").hexdigest()
    offer = fetch.Download("file:///weights", "lpips", "", ((path.name, digest),), "free")
    try:
        fetch._install(download / "weights", path.name, digest, path.parent, offer)
    finally:
        (download / "weights").unlink(missing_ok=True)
        download.rmdir()


def write_a_veil(path: Path) -> None:
    save_veil(stirred(), path)


WRITERS = {
    "out.png": write_a_photo,
    "out.csv": write_a_text,
    "out.json": lambda path: write_card(Card("x", 112, "arcface"), path),
    "out.safetensors": write_a_path,
    "out.pth": install_weights,
    "out.veil": write_a_veil,
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("failure", [FULL, KeyboardInterrupt()], ids=["disk", "cancel"])
def test_what_ends_half_way_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, name, failure):
    target = tmp_path / name
    target.write_bytes(b"old")

    def fail(_: int) -> None:
        (part,) = tmp_path.glob(".*")
        assert PART.fullmatch(part.name) and part.stat().st_size and target.read_bytes() == b"old"
        raise failure

    with monkeypatch.context() as patched, pytest.raises((OSError, OutputError, KeyboardInterrupt)):
        patched.setattr(os, "fsync", fail)
        WRITERS[name](target)
    assert target.read_bytes() == b"old" and list(tmp_path.iterdir()) == [target]
    WRITERS[name](target)
    assert target.read_bytes() != b"old" and list(tmp_path.iterdir()) == [target]


def test_a_block_that_fails_half_way_leaves_the_old_file(tmp_path):
    target = tmp_path / "table.csv"
    target.write_text("old")
    with pytest.raises(ValueError, match="half"), text_file(target) as file:
        file.write("one row")
        raise ValueError("half")
    assert target.read_text() == "old" and list(tmp_path.iterdir()) == [target]


def test_two_who_write_the_same_file_do_not_meet(tmp_path):
    target = tmp_path / "both"
    with whole(target) as mine:
        with whole(target) as other:
            other.write_text("other")
        mine.write_text("mine")
        assert target.read_text() == "other"
    assert target.read_text() == "mine" and part_name() != part_name()


def test_a_path_below_a_file_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="could not be written"), text_file(tmp_path / "file" / "x.csv"):
        pass


def test_a_full_disk_and_a_locked_folder_are_a_sentence_each(tmp_path, monkeypatch):
    """Whatever is written: what is wrong, and what to do."""
    locked = PermissionError(errno.EACCES, "Permission denied")
    for failure, says in ((FULL, "disk is full: make room"), (locked, r"\(Permission denied\): choose another folder")):

        def fail(*_: object, failure: OSError = failure) -> None:
            raise failure

        monkeypatch.setattr(os, "fsync", fail)
        for name in ("out.png", "out.csv", "out.veil"):
            with pytest.raises(OutputError, match=says) as raised:
                WRITERS[name](tmp_path / name)
            assert name in str(raised.value) and not list(tmp_path.iterdir())


def test_whether_a_folder_is_locked_is_tried_and_leaves_nothing(tmp_path, monkeypatch):
    refuse_locked(tmp_path)
    assert not list(tmp_path.iterdir())

    def fail(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "touch", fail)
    with pytest.raises(OutputError, match=r"Permission denied.*unlock"):
        refuse_locked(tmp_path)


def test_what_is_no_file_is_neither_replaced_nor_destroyed(tmp_path):
    (tmp_path / "file").write_bytes(b"kept")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name, says in (("link", "is a link"), ("loop", "is a link"), ("pipe", "a device or a pipe")):
        before = (tmp_path / name).lstat()
        with pytest.raises(OutputError, match=says), whole(tmp_path / name) as part:
            part.write_text("new")
        assert (tmp_path / name).lstat() == before
    for name in ("link.png", "pipe.png"):
        (tmp_path / name.removesuffix(".png")).rename(tmp_path / name)
        with pytest.raises(OutputError, match=r"is a link|a pipe"):
            write_a_photo(tmp_path / name)
    with pytest.raises(OutputError, match="could not be written"):
        write_a_text(tmp_path / "folder")
    assert (tmp_path / "file").read_bytes() == b"kept" and not list(tmp_path.glob(".*"))


def test_text_goes_into_pipes_and_devices(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OutputError, match="nobody reads at its other end"), text_file(pipe) as file:
        file.write("to nobody")
    texts = []
    with os.fdopen(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)) as reader:
        with text_file(pipe) as file:
            file.write("a line")
        texts.append(reader.read())
    assert texts == ["a line"] and pipe.is_fifo()
    before = Path("/dev/null").stat().st_rdev
    assert is_stream(Path("/dev/null"))
    with text_file(Path("/dev/null")) as file:
        file.write("gone")
    assert Path("/dev/null").stat().st_rdev == before
