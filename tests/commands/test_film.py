"""Films on the command line."""

from __future__ import annotations

import json

import pytest
from commandline import refused, run
from veils import stirred

from faceveil.core.veil.files import load_veil, save_veil


@pytest.fixture
def film(examples, tmp_path):
    pytest.importorskip("av")
    from films import moved, write

    from faceveil.core.images import read_photo, to_bchw

    still = to_bchw(read_photo(examples / "portrait.png").pixels)[..., 20:220, 100:356]
    return write(tmp_path / "clip.mp4", moved(still, 6, 180, 256, 3.0))


def test_a_film_is_protected_with_its_figures(capsys, quick, film, tmp_path):
    out, veil = tmp_path / "out.mp4", tmp_path / "me.veil"
    code, text, _ = run(
        capsys,
        *("protect", film, "-o", out, "--surrogate", "dlib", "--report", tmp_path / "r.json", "--save-veil", veil),
    )
    told = json.loads((tmp_path / "r.json").read_text())
    assert code == 0 and out.is_file() and (told["frames"], told["veils"]) == (6, 1)
    assert told["verdicts"][0]["name"] == "dlib" and "frames a second" in text
    assert load_veil(veil).origin.photos >= 1


def test_a_film_wears_a_veil_that_is_named(capsys, film, tmp_path):
    save_veil(stirred(), tmp_path / "me.veil")
    code, text, _ = run(
        capsys, "protect", film, "-o", tmp_path / "out.mp4", "--surrogate", "dlib", "--veil", tmp_path / "me.veil"
    )
    assert code == 0 and "1 veils" in text


def test_what_films_do_not_take_is_said(capsys, film, portrait, tmp_path):
    assert "--mask" in refused(capsys, "protect", film, "-o", tmp_path / "out.mp4", "--mask", portrait)
    assert "one at a time" in refused(capsys, "protect", film, portrait, "-o", tmp_path / "out")
    assert "format that can be written" in refused(capsys, "protect", film, "-o", tmp_path / "out.png")
    assert not (tmp_path / "out.mp4").exists()
