"""Which file every photo is written to, and when two would be one."""

from __future__ import annotations

from pathlib import Path

import pytest

from faceveil.core.commands.protect import plan, plan_sheets
from faceveil.core.errors import InputError


def test_photos_keep_their_own_suffix_so_that_namesakes_do_not_meet(tmp_path):
    photos = [Path("in/a.jpg"), Path("in/a.png"), Path("in/b.gif"), Path("in/c.avif"), Path("in/d.TIFF")]
    jobs = list(plan(photos, tmp_path / "out"))
    assert [target.name for _, target in jobs] == ["a.jpg", "a.png", "b.png", "c.png", "d.TIFF"]
    assert (tmp_path / "out").is_dir()
    sheets = [sheet.name for sheet in plan_sheets(jobs, tmp_path / "sheet.png")]
    assert sheets == ["sheet-a-jpg.png", "sheet-a-png.png", "sheet-b.png", "sheet-c.png", "sheet-d.png"]


@pytest.mark.parametrize(("first", "second"), [("x/a.png", "y/a.png"), ("x/a.gif", "x/a.png"), ("x/A.png", "x/a.png")])
def test_a_collision_names_both_photos(tmp_path, first, second):
    with pytest.raises(InputError, match=rf"{first} and {second} would both be written to .*[aA]\.png"):
        list(plan([Path(first), Path(second)], tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_name_without_a_suffix_is_a_folder(tmp_path):
    assert list(plan([Path("a.jpg")], tmp_path / "out")) == [(Path("a.jpg"), tmp_path / "out" / "a.jpg")]
    assert list(plan([Path("a.jpg")], tmp_path / "b.png")) == [(Path("a.jpg"), tmp_path / "b.png")]
