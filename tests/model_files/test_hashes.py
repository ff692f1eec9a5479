"""What files hold: the same wherever they lie, another when one byte is, and large ones read once."""

from __future__ import annotations

import os

import pytest

from faceveil.core.model_files import hashes
from faceveil.core.model_files.hashes import content_of, weights_hash


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEVEIL_HOME", str(tmp_path / "home"))


def old(path, seconds=1000):
    os.utime(path, (seconds, seconds))
    return path


def test_files_and_folders_are_known_by_what_they_hold(tmp_path):
    for name in ("one", "other"):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / "weights").write_bytes(b"1234")
        (tmp_path / name / "config").write_text("{}")
    one, other = tmp_path / "one", tmp_path / "other"
    assert weights_hash([one]) == weights_hash([other]) != weights_hash([one / "config"])
    (other / "deep" / "weights").write_bytes(b"1235")
    assert weights_hash([one]) != weights_hash([other])
    missing = tmp_path / "missing"
    before = weights_hash([one, missing])
    missing.touch()
    assert before != weights_hash([one, missing])


def test_what_is_no_file_has_no_content_and_keeps_nobody_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert [content_of(tmp_path / name) for name in ("pipe", "loop", "missing", ".", "a\0b")] == [None] * 5


def test_large_files_are_read_once_and_again_when_they_changed(tmp_path, monkeypatch):
    large, read = tmp_path / "large", []
    large.write_bytes(bytes(hashes._LARGE))
    old(large)
    monkeypatch.setattr(hashes, "_FRESH", -1)
    monkeypatch.setattr(hashes, "content_of", lambda path: read.append(path) or content_of(path))
    first = weights_hash([large])
    assert weights_hash([large]) == first and len(read) == 1
    large.write_bytes(b"1" + bytes(hashes._LARGE - 1))
    old(large)
    assert weights_hash([large]) != first and len(read) == 2, "size and time are what they were"
    (tmp_path / "home" / "hashes.json").write_text("[[[")
    assert weights_hash([large]) and len(read) == 3


def test_what_changed_just_now_is_not_remembered(tmp_path):
    (tmp_path / "large").write_bytes(bytes(hashes._LARGE))
    weights_hash([tmp_path / "large"])
    assert not (tmp_path / "home" / "hashes.json").exists()


def test_a_file_that_could_not_be_read_is_read_again_the_next_time(tmp_path, monkeypatch):
    large = tmp_path / "large"
    large.write_bytes(bytes(hashes._LARGE))
    old(large)
    monkeypatch.setattr(hashes, "_FRESH", -1)
    with monkeypatch.context() as unreadable:
        unreadable.setattr(hashes, "content_of", lambda path: None)
        without = weights_hash([large])
        assert weights_hash([large]) == without, "not the text None instead"
    assert weights_hash([large]) != without
