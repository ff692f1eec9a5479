"""Whatever is wrong with a film or a veil is one sentence, and nothing is left half-written."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from veils import stirred

from faceveil.core.errors import FaceVeilError, InputError
from faceveil.core.film import run
from faceveil.core.film.files import about, frames_of
from faceveil.core.film.protect import Wardrobe
from faceveil.core.film.rewrite import rewrite
from faceveil.core.veil.files import load_veil, save_veil
from faceveil.core.veil.whose import Owned, Whose


def protected(path, target, veil=None, **wearing):
    wardrobe = Wardrobe(None, [], None if wearing else veil or stirred(), **wearing)
    return run.protect_file(path, about(path), target, wardrobe, [], "1e-2", settings="these")


def refused(path, target, kind=InputError, **how) -> str:
    before = set(target.parent.iterdir())
    with pytest.raises(kind) as raised:
        protected(path, target, **how)
    assert set(target.parent.iterdir()) == before, "nothing is written, and nothing kept that would fail again"
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_a_film_without_a_face_is_refused(films, tmp_path):
    from films import write

    path = write(tmp_path / "sky.mp4", [np.full((96, 128, 3), 120, np.uint8)] * 5)
    assert "any of the 5 frames" in refused(path, tmp_path / "out.mp4")


def test_a_photo_that_is_called_a_film_is_a_film_of_one_frame(films, examples, tmp_path):
    (tmp_path / "still.mp4").write_bytes((examples / "portrait.png").read_bytes())
    assert protected(tmp_path / "still.mp4", tmp_path / "out.mp4").frames == 1


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv"])
def test_a_film_that_is_broken_in_the_middle_is_written_as_far_as_it_goes_or_refused(films, tmp_path, name):
    path, target = films(name, count=40, audio=0), tmp_path / f"out.{name[-3:]}"
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + bytes(4000) + whole[middle + 4000 :])
    before = set(tmp_path.iterdir())
    try:
        done = protected(path, target)
    except FaceVeilError as error:
        assert "\n" not in str(error) and name in str(error) and set(tmp_path.iterdir()) == before
        return
    assert set(tmp_path.iterdir()) == {*before, target} and len(list(frames_of(target))) == done.frames


def test_one_that_changes_its_size_is_refused(films, tmp_path):
    """Two films of two sizes, one after the other, as screen recorders leave them."""
    small, large = (films(f"{side}.ts", count=3, height=side, width=256, audio=0) for side in (144, 180))
    path = tmp_path / "both.ts"
    path.write_bytes(small.read_bytes() + large.read_bytes())
    before = set(tmp_path.iterdir())
    with pytest.raises(InputError, match="256x144 to 256x180"):
        rewrite(path, tmp_path / "out.mkv", lambda index, frame: None)
    assert set(tmp_path.iterdir()) == before


def test_a_full_disk_is_one_sentence(films, tmp_path, monkeypatch):
    import errno

    from faceveil.core.errors import OutputError
    from faceveil.core.film import encode

    def full(*given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = films("film.mp4", count=3)
    monkeypatch.setattr(encode, "_keep", full)
    before = set(tmp_path.iterdir())
    with pytest.raises(OutputError, match="No space left") as raised:
        rewrite(path, tmp_path / "out.mp4", lambda index, frame: None)
    assert raised.value.__cause__.errno == errno.ENOSPC and set(tmp_path.iterdir()) == before


def test_a_veil_of_another_version_or_of_no_numbers_is_refused(tmp_path, monkeypatch):
    from faceveil.core.veil import files

    with monkeypatch.context() as patch:
        patch.setattr(files, "VERSION", 99)
        save_veil(stirred(), tmp_path / "later.veil")
    with pytest.raises(InputError, match="version 99"):
        load_veil(tmp_path / "later.veil")
    veil = stirred()
    veil.knots["warp.0"][0, 0, 0, 0] = torch.nan
    save_veil(veil, tmp_path / "nan.veil")
    with pytest.raises(InputError, match="NaN"):
        load_veil(tmp_path / "nan.veil")


def test_a_veil_of_another_person_is_refused_when_their_photo_says_so(films, examples, tmp_path, dlib_recogniser):
    from faceveil.core.images import read_photo, to_bchw

    other = to_bchw(read_photo(examples / "person-first.jpg").pixels)
    whose = Whose([Owned(stirred(), other, "person-first.jpg")], [dlib_recogniser])
    assert "is like a photo that came with a veil" in refused(films("film.mp4"), tmp_path / "out.mp4", whose=whose)


def test_a_veil_of_several_faces_is_refused():
    with pytest.raises(InputError, match="for 2 faces"):
        Wardrobe(None, [], stirred(rows=2))
