"""Veils over a batch of pictures, without ComfyUI."""

from __future__ import annotations

import pytest
import torch
from veils import stirred

from faceveil.core.errors import InputError, NoFaceError
from faceveil.core.images import to_bhwc
from faceveil.nodes.parts.keeping import files_in
from faceveil.nodes.parts.veiling import keep_veils, wear_in_pictures


@pytest.fixture(scope="module")
def picture(portrait):
    return to_bhwc(portrait)


def test_one_veil_is_for_all_pictures_and_no_face_is_passed_on(picture):
    sky = torch.full_like(picture, 0.5)
    veiled = wear_in_pictures([picture, sky], [stirred()], 1.0)
    assert torch.equal(veiled.pictures[1], sky) and not torch.equal(veiled.pictures[0], picture)
    assert 0 < veiled.changed[0].mean() < 0.3 and not veiled.changed[1].any()
    assert [len(faces) for faces in veiled.faces] == [1, 0]
    with pytest.raises(NoFaceError):
        wear_in_pictures([sky], [stirred()], 1.0)


def test_veils_and_pictures_are_counted_and_none_is_no_veil(picture):
    with pytest.raises(InputError, match="2 veils for 3 pictures"):
        wear_in_pictures([picture] * 3, [stirred()] * 2, 1.0)
    with pytest.raises(InputError, match="empty"):
        wear_in_pictures([picture], [None], 1.0)


def test_what_is_kept_is_found_again_and_nothing_is_written_over(tmp_path):
    written = keep_veils([stirred(), None, stirred()], tmp_path / "veils", "../me.veil")
    assert [path.name for path in written] == ["me.veil", "me_2.veil"]
    assert list(files_in([tmp_path / "nowhere", tmp_path / "veils"], ".veil")) == ["me.veil", "me_2.veil"]
    with pytest.raises(InputError, match="empty"):
        keep_veils([None], tmp_path, "me")
