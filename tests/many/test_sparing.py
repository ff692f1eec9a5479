"""Nothing that a run did not make itself is written over, whatever it is called and however it is reached."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import pytest
from cheap import hire, order
from many_photos import contents

from faceveil.core.errors import OutputError
from faceveil.core.many.run import run


@pytest.fixture
def few(photos, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("000.png", "004.png", "008.png"):
        shutil.copy(photos / "class 0" / name, folder)
    return folder


@pytest.fixture
def out(tmp_path):
    """Where somebody keeps an original of his own under the name of one of ours."""
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "004.png").write_bytes(b"an original")
    return folder


def files(out):
    return {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}


def test_a_file_that_no_earlier_run_made_is_refused_before_any_work(few, out):
    for _ in range(2):
        with pytest.raises(OutputError, match=r"004\.png exists already and was not made .*--overwrite"):
            run(order(few, out), hire(1))
        assert files(out) == {"004.png": b"an original"}
    assert run(order(few, out, overwrite=True), hire(1)).done == 3
    assert files(out)["004.png"] != b"an original"
    assert run(order(few, out, settings="others"), hire(1)).done == 3, "by now it is the run's own"


def test_a_file_that_came_after_a_photo_was_named_is_not_the_runs_own(few, out):
    (few / "004.png").write_bytes(b"")
    with pytest.raises(OutputError, match="exists already"):
        run(order(few, out), hire(1))


def test_links_and_other_disks_are_no_way_around(few, out, tmp_path):
    (out / "004.png").unlink()
    (out / "004.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(OutputError, match="exists already"):
        run(order(few, out), hire(1))
    (out / "004.png").unlink()
    (tmp_path / "deep" / "a").mkdir(parents=True)
    shutil.copy(few / "000.png", tmp_path / "deep" / "a" / "x.png")
    (out / "a").symlink_to(tmp_path / "deep" / "a")
    before = (tmp_path / "deep" / "a" / "x.png").read_bytes()
    for overwrite in (False, True):
        with pytest.raises(OutputError, match="an original photo or another input, which is never overwritten"):
            run(order(tmp_path / "deep", out, overwrite=overwrite), hire(1))
    assert (tmp_path / "deep" / "a" / "x.png").read_bytes() == before


def test_inputs_are_no_targets_by_any_name_even_when_overwriting_is_meant(few, out, tmp_path):
    gallery = tmp_path / "gallery.png"
    os.link(out / "004.png", gallery)
    wanted = replace(order(few, out, overwrite=True), inputs=(gallery,))
    with pytest.raises(OutputError, match=r"004\.png is an original photo or another input"):
        run(wanted, hire(1))
    later = replace(order(few, tmp_path / "new"), inputs=(tmp_path / "new" / "000.png",))
    with pytest.raises(OutputError, match=r"000\.png is an original photo or another input"):
        run(later, hire(1))
    assert gallery.read_bytes() == b"an original" and not contents(tmp_path / "new")


def test_what_is_written_beside_a_photo_is_treated_alike(few, out, tmp_path):
    sheet = tmp_path / "sheet-000.png"
    sheet.write_bytes(b"somebody's")
    beside = {"000.png": sheet}.get
    with pytest.raises(OutputError, match=r"sheet-000\.png exists already"):
        run(replace(order(few, tmp_path / "new"), beside=beside), hire(1))
    with pytest.raises(OutputError, match=r"sheet-000\.png is an original"):
        run(replace(order(few, tmp_path / "new", overwrite=True), beside=beside, inputs=(sheet,)), hire(1))


def test_a_url_of_this_machine_is_the_folder_that_it_is(few, out):
    pytest.importorskip("fsspec")
    from faceveil.core.errors import InputError

    with pytest.raises(InputError, match="among the photos"):
        run(order(few, f"file://{few}"), hire(1))
    with pytest.raises(OutputError, match="never overwritten"):
        run(order(few / "*.png", f"local://{few}", overwrite=True), hire(1))
    with pytest.raises(OutputError, match="exists already"):
        run(order(few, f"file://{out}"), hire(1))
    assert files(out) == {"004.png": b"an original"}


def test_a_store_elsewhere_keeps_what_it_holds(few):
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.pipe_file("/kept/004.png", b"an original")
    with pytest.raises(OutputError, match=r"memory://kept/004\.png exists already"):
        run(order(few, "memory://kept"), hire(1))
    assert memory.cat_file("/kept/004.png") == b"an original"
