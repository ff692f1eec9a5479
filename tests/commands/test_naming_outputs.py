"""Which file every photo is written to. (When two would be one: tests/many.)"""

from __future__ import annotations

import pytest

from faceveil.core.commands.many import sheet_of
from faceveil.core.commands.pictures import target_of
from faceveil.core.errors import OutputError
from faceveil.core.many.photos import target_name


@pytest.mark.parametrize("photo", ["a.jpg", "a.png", "b.gif", "c.avif", "d.TIFF"])
def test_photos_keep_their_own_suffix_so_that_namesakes_do_not_meet(photo):
    written = {"b.gif": "b.png", "c.avif": "c.png"}.get(photo, photo)
    assert target_name(photo) == written and target_name(f"x.y/{photo}") == f"x.y/{written}"


@pytest.fixture
def photos(tmp_path):
    """Where photos lie that exist, whatever is in them."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.gif", "me.jpg", "nowhere.jpg"):
        (folder / name).write_bytes(b"a photo")
    return folder


def test_a_name_without_a_suffix_is_a_folder(photos, tmp_path):
    assert target_of(photos / "a.gif", tmp_path / "out") == tmp_path / "out" / "a.png"
    assert (tmp_path / "out").is_dir()
    assert target_of(photos / "me.jpg", tmp_path / "b.png") == tmp_path / "b.png"


def test_what_a_folder_holds_is_not_replaced_unless_that_is_meant(photos, tmp_path):
    (tmp_path / "me.jpg").write_bytes(b"another original")
    (tmp_path / "nowhere.jpg").symlink_to(tmp_path / "gone")
    for name in ("me.jpg", "nowhere.jpg"):
        with pytest.raises(OutputError, match=r"exists already: name the file to write, or say --overwrite"):
            target_of(photos / name, tmp_path)
        assert target_of(photos / name, tmp_path, overwrite=True) == tmp_path / name
    assert target_of(photos / "me.jpg", tmp_path / "me.jpg") == tmp_path / "me.jpg", "it was named itself"


def test_every_photo_has_a_sheet_of_its_own(tmp_path):
    names = ["a.jpg", "a.png", "x/a.png", "x-a.png"]
    sheets = [sheet_of(tmp_path / "sheet.png", name).relative_to(tmp_path).as_posix() for name in names]
    assert sheets == ["sheet-a-jpg.png", "sheet-a-png.png", "x/sheet-a-png.png", "sheet-x-a-png.png"]
    assert sheet_of(None, "a.png") is None
