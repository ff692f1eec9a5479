"""Files that nodes write and find again."""

from __future__ import annotations

import pytest

from faceveil.core.errors import OutputError
from faceveil.nodes.parts.keeping import files_in, free_place


def test_names_are_numbered_and_lead_out_of_no_folder(tmp_path):
    folder = tmp_path / "kept"
    names = []
    for name in ("me", "../me", "me.veil", " ", "/etc/passwd"):
        place = free_place(folder, name, ".veil")
        place.touch()
        names.append(place.name)
        assert place.parent == folder
    assert names == ["me.veil", "me_2.veil", "me_3.veil", "veil.veil", "passwd.veil"]


def test_of_namesakes_the_first_folders_counts_and_other_kinds_are_left(tmp_path):
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "me.veil").touch()
    (tmp_path / "second" / "other.veil").touch()
    (tmp_path / "second" / "me.trajectory").touch()
    found = files_in([tmp_path / "nowhere", tmp_path / "first", tmp_path / "second"], ".veil")
    assert found == {"me.veil": tmp_path / "first" / "me.veil", "other.veil": tmp_path / "second" / "other.veil"}


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "kept").touch()
    with pytest.raises(OutputError, match="inside' could not be written"):
        free_place(tmp_path / "kept" / "inside", "me", ".veil")


def test_a_name_that_is_too_long_is_one_sentence(tmp_path):
    with pytest.raises(OutputError, match="choose another name"):
        free_place(tmp_path, "m" * 300, ".veil")
