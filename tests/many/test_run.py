"""A run over many photos: what is done, what is left out the next time, what is done again, and what is refused."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from errno import ENOSPC
from pathlib import Path

import pytest
from cheap import Negative, hire, order
from many_photos import COUNT, contents, states
from PIL import Image

from faceveil.core.errors import InputError, OutputError
from faceveil.core.many.ledger import Ledger
from faceveil.core.many.local import Folder
from faceveil.core.many.photos import PhotoSetup
from faceveil.core.many.run import run


@pytest.fixture
def few(tmp_path, photos):
    """Five photos of our own, to do things to."""
    folder = tmp_path / "in"
    shutil.copytree(photos / "class 0", folder / "a", ignore=lambda _, names: sorted(names)[4:])
    shutil.copy(photos / "class 1" / "001.png", folder / "top.png")
    return folder


def again(few, out, **more):
    summary = run(order(few, out, **more), hire(1))
    return summary.done, summary.skipped, summary.failed


def test_the_tree_is_mirrored_and_resuming_does_nothing(few, tmp_path):
    assert again(few, tmp_path / "out") == (5, 0, 0)
    before = contents(tmp_path / "out")
    assert sorted(before) == ["a/000.png", "a/004.png", "a/008.png", "a/012.png", "top.png"]
    assert again(few, tmp_path / "out") == (0, 5, 0)
    assert contents(tmp_path / "out") == before


def test_what_changed_is_done_again_and_nothing_else(few, tmp_path):
    out = tmp_path / "out"
    again(few, out)
    shutil.copy(few / "top.png", few / "a" / "000.png")
    (out / "a" / "004.png").unlink()
    assert again(few, out) == (2, 3, 0)
    assert contents(out)["a/000.png"] == contents(out)["top.png"]
    assert again(few, out, settings="others") == (5, 0, 0)
    assert again(few, out, settings="others") == (0, 5, 0)


def test_a_result_that_is_not_what_was_written_is_done_again(few, tmp_path):
    out = tmp_path / "out"
    again(few, out)
    before = contents(out)
    (out / "top.png").write_bytes(before["top.png"][:50])
    shutil.copy(few / "a" / "000.png", out / "a" / "000.png")
    os.utime(out / "a" / "008.png", (1, 1))
    assert again(few, out) == (2, 3, 0), "one was cut short, one is the unprotected photo, one was only touched"
    assert contents(out) == before
    assert again(few, out) == (0, 5, 0)


def test_a_photo_that_was_only_touched_is_read_but_not_done_again(few, tmp_path):
    out = tmp_path / "out"
    again(few, out)
    written = (out / "top.png").stat().st_mtime_ns
    os.utime(few / "top.png", (1, 1))
    assert again(few, out) == (1, 4, 0) and (out / "top.png").stat().st_mtime_ns == written
    assert again(few, out) == (0, 5, 0)


def test_a_photo_that_is_taken_away_while_they_are_listed_is_none(few, tmp_path, monkeypatch):
    stamp = Folder.stamp

    def just_gone(self, key):
        if key == "a/000.png":
            raise FileNotFoundError(key)
        return stamp(self, key)

    monkeypatch.setattr(Folder, "stamp", just_gone)
    assert [found.key for found in Folder(few).find()] == ["top.png", "a/004.png", "a/008.png", "a/012.png"]
    assert "a/000.png" not in Folder(few).sweep()


def test_photos_that_fail_do_not_stop_the_rest_and_are_tried_the_next_time(few, tmp_path):
    (few / "empty.png").touch()
    (few / "torn.png").write_bytes((few / "top.png").read_bytes()[:200])
    (few / "words.jpg").write_text("no photo")
    (few / "gone.png").symlink_to(few / "nowhere.png")
    shutil.copy(few / "top.png", few / "nobody.png")
    reasons = {}
    run(order(few, tmp_path / "out"), hire(1), on_failure=lambda task, reason: reasons.update({task.key: reason}))
    assert sorted(reasons) == ["empty.png", "nobody.png", "torn.png", "words.jpg"]
    assert "zero bytes" in reasons["empty.png"] and "damaged" in reasons["torn.png"]
    assert states(tmp_path / "out") == {"done": 5, "failed": 4} and len(contents(tmp_path / "out")) == 5
    (few / "nobody.png").unlink()
    assert again(few, tmp_path / "out") == (0, 5, 3)


def test_names_may_hold_anything(few, tmp_path):
    names = ["tab\tline\n.png", "quote'\"%s?.png", "[a-b]*.png", "mañana ✂.PNG", "-o.png", os.fsdecode(b"\xff\xfe.png")]
    for name in names:
        shutil.copy(few / "top.png", few / "a" / name)
    assert again(few, tmp_path / "out") == (11, 0, 0)
    assert {path.name for path in (tmp_path / "out" / "a").iterdir()} >= set(names)
    assert again(few, tmp_path / "out") == (0, 11, 0)
    assert again(few / "a" / "[a-b]*.png", tmp_path / "one") == (1, 0, 0)


def test_globs_hidden_files_and_formats_that_can_only_be_read(few, tmp_path):
    Image.open(few / "top.png").save(few / "a" / "moving.gif")
    (few / ".hidden").mkdir()
    for name in (".hidden/x.png", ".y.png"):
        shutil.copy(few / "top.png", few / name)
    assert again(few, tmp_path / "all") == (6, 0, 0) and "a/moving.png" in contents(tmp_path / "all")
    assert again(few / "*.png", tmp_path / "flat") == (1, 0, 0) and list(contents(tmp_path / "flat")) == ["top.png"]
    assert again(few / "**" / "0*.png", tmp_path / "deep") == (4, 0, 0)
    assert min(contents(tmp_path / "deep")) == "a/000.png"


def test_a_heic_photo_in_an_album_is_told_of_and_not_left_out_without_a_word(few, tmp_path):
    (few / "phone.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    told = []
    run(order(few, tmp_path / "all"), hire(1), on_failure=lambda task, reason: told.append(reason))
    (reason,) = told
    assert "'phone.HEIC' is a HEIC photo" in reason
    assert "phone.png" not in contents(tmp_path / "all")


def test_namesakes_are_refused_before_any_work(few, tmp_path):
    Image.open(few / "top.png").save(few / "top.gif")
    with pytest.raises(InputError, match=r"would both be written to .*top\.png"):
        again(few, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_results_never_lie_among_the_photos_nor_over_them(few, tmp_path):
    for out in (few, few / "a" / "out", few / ".." / few.name / "x"):
        with pytest.raises(InputError, match="among the photos"):
            again(few, out)
    with pytest.raises(InputError, match="among the photos"):
        again(few / "**" / "*.png", few / "out")
    assert again(few / "*.png", few / "out") == (1, 0, 0)
    with pytest.raises(OutputError, match="never overwritten"):
        run(order(few / "*.png", few), hire(1))


def test_nothing_to_do_is_said(tmp_path):
    (tmp_path / "in").mkdir()
    for nothing in ("in", "in/*.png", "in/**"):
        with pytest.raises(InputError, match="no photos"):
            again(tmp_path / nothing, tmp_path / "out")
    assert again(tmp_path / "missing.png", tmp_path / "out") == (0, 0, 1)


def test_a_second_run_on_one_out_is_told_and_leaves(few, tmp_path):
    out = tmp_path / "out"
    first = Ledger(out / ".faceveil", for_writing=True)
    with pytest.raises(OutputError, match="Another run is writing there already"):
        again(few, out)
    assert not contents(out)
    first.close()
    assert again(few, out) == (5, 0, 0)


def test_a_folder_that_may_not_be_written_is_named(few, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be made"):
        again(few, tmp_path / "file" / "out")
    locked = Path("/proc") if os.geteuid() == 0 else tmp_path / "locked"  # where not even root may make a folder
    locked.mkdir(mode=0o555, exist_ok=True)
    with pytest.raises(OutputError, match="cannot be made"):
        again(few, locked / "out")


def test_a_worker_on_another_disk_does_not_write_where_nobody_looks(tmp_path):
    with pytest.raises(OutputError, match="disk that all machines share"):
        PhotoSetup(order("", "").make, str(tmp_path / "out"))()
    assert not (tmp_path / "out").exists()


def test_what_a_crash_left_half_written_is_thrown_out(few, tmp_path):
    out = tmp_path / "out"
    again(few, out)
    (out / "a" / ".faceveil-0123456789abcdef.part").write_bytes(b"half")
    again(few, out)
    assert len(contents(out)) == 5


def test_a_full_disk_stops_the_run_and_it_goes_on_when_there_is_room(few, tmp_path, monkeypatch):
    out, real, calls = tmp_path / "out", os.fsync, []

    def full_after_two(file):
        calls.append(file)
        if len(calls) == 3:
            raise OSError(ENOSPC, os.strerror(ENOSPC))
        real(file)

    monkeypatch.setattr(os, "fsync", full_after_two)
    with pytest.raises(OutputError, match=r"No space left.*half-written: make room and run the same command again"):
        again(few, out)
    assert len(contents(out)) == 2 and states(out) == {"done": 2, "waiting": 3}
    assert again(few, out) == (3, 2, 0)


@pytest.fixture
def small_disk(tmp_path):
    """A real one of 256 KB, where we may mount it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("file systems may not be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_disk_that_is_really_full(photos, undisturbed, small_disk):
    with pytest.raises(OutputError, match=r"(Nothing more can be written|cannot be kept)"):
        run(order(photos, small_disk / "out"), hire(1))
    written = contents(small_disk / "out") if (small_disk / "out").exists() else {}
    assert len(written) < COUNT and all(undisturbed[name] == data for name, data in written.items())
    subprocess.run(["mount", "-o", "remount,size=16m", small_disk], check=True)
    assert run(order(photos, small_disk / "out"), hire(1)).failed == 0
    assert contents(small_disk / "out") == undisturbed


def test_a_photo_that_takes_too_long_is_given_up_and_the_rest_is_done(few, tmp_path, monkeypatch):
    def endless(self, source, target, key, real=Negative.treat):
        while source.name == "004.png":
            with suppress(Exception):  # nobody on the way can take it for his own error
                pass
        return real(self, source, target, key)

    monkeypatch.setattr(Negative, "treat", endless)
    reasons = {}
    wanted = order(few, tmp_path / "out", time_limit=0.5)
    summary = run(wanted, hire(1), on_failure=lambda task, reason: reasons.update({task.key: reason}))
    assert (summary.done, summary.failed) == (4, 1)
    assert "longer than 0.5 s" in reasons["a/004.png"] and "--time-limit" in reasons["a/004.png"]


def test_photos_named_one_by_one(few, tmp_path):
    from dataclasses import replace

    wanted = replace(order("", tmp_path / "out"), photos=(str(few / "top.png"), str(few / "a" / "000.png")))
    assert run(wanted, hire(1)).done == 2
    assert sorted(contents(tmp_path / "out")) == ["000.png", "top.png"]
    assert Path(few / "top.png").is_file()
