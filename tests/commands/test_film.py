"""Films on the command line."""

from __future__ import annotations

import json
import shutil
from contextlib import nullcontext
from pathlib import Path

import jsonschema
import pytest
import torch
from commandline import refused, run
from other_device import DEVICE, OtherDevice
from veils import stirred

from faceveil.core.film import files
from faceveil.core.veil.files import load_veil, save_veil

SCHEMA = Path(__file__).parents[2] / "docs" / "film.schema.json"


@pytest.fixture
def schema():
    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


@pytest.fixture
def film(examples, tmp_path):
    pytest.importorskip("av")
    from films import moved, write

    from faceveil.core.images import read_photo, to_bchw

    still = to_bchw(read_photo(examples / "portrait.png").pixels)[..., 20:220, 100:356]
    return write(tmp_path / "clip.mp4", moved(still, 6, 180, 256, 3.0))


def test_a_film_is_protected_with_its_figures(capsys, quick, film, schema, tmp_path):
    out, veil = tmp_path / "out.mp4", tmp_path / "me.veil"
    code, text, _ = run(
        capsys,
        *("protect", film, "-o", out, "--surrogate", "dlib", "--report", tmp_path / "r.json", "--save-veil", veil),
    )
    report = json.loads((tmp_path / "r.json").read_text())
    assert code == 0 and out.is_file() and (report["frames"], report["veils"]) == (6, 1)
    assert report["verdicts"][0]["name"] == "dlib" and "frames a second" in text
    assert load_veil(veil).origin.photos >= 1
    schema.validate(report)
    for damaged in ({**report, "schema": 2}, {**report, "more": 1}, {**report, "verdicts": [{"name": "dlib"}]}):
        assert not schema.is_valid(damaged)


def test_a_film_wears_a_veil_that_is_named(capsys, film, tmp_path):
    save_veil(stirred(), tmp_path / "me.veil")
    code, text, _ = run(
        capsys, "protect", film, "-o", tmp_path / "out.mp4", "--surrogate", "dlib", "--veil", tmp_path / "me.veil"
    )
    assert code == 0 and "1 veils" in text


def test_whose_veil_is_whose_is_told_by_photos(capsys, film, portrait, examples, tmp_path):
    for name in ("me.veil", "you.veil"):
        save_veil(stirred(), tmp_path / name)
    me, you = f"{tmp_path / 'me.veil'}={portrait}", f"{tmp_path / 'you.veil'}={examples / 'person-first.jpg'}"
    wearing = ("--surrogate", "dlib", "--veil")
    code, text, _ = run(capsys, "protect", film, "-o", tmp_path / "out.mp4", *wearing, you, "--veil", me)
    assert code == 0 and "1 faces in its shots, 1 veils" in text
    nobody = refused(capsys, "protect", film, "-o", tmp_path / "none.mp4", *wearing, you)
    assert "is like a photo that came with a veil" in nobody
    unclear = refused(
        capsys,
        "protect",
        film,
        "-o",
        tmp_path / "none.mp4",
        *wearing,
        tmp_path / "me.veil",
        "--veil",
        me[: me.find("=")],
    )
    assert "--veil FILE=PHOTO" in unclear
    assert sorted(path.name for path in tmp_path.iterdir() if "none" in path.name or path.name[0] == ".") == []


def test_a_film_is_worked_on_where_device_says(capsys, film, tmp_path, monkeypatch):
    monkeypatch.setattr("faceveil.core.film.rewrite.ahead", lambda items: items)  # pretending is a thread's own affair
    save_veil(stirred(), tmp_path / "me.veil")
    frames = []
    for device in ("cpu", str(DEVICE)):
        out = tmp_path / f"{device[:3]}.mp4"
        with OtherDevice() if device != "cpu" else nullcontext():
            code, _, err = run(
                capsys,
                *("protect", film, "-o", out, "--surrogate", "dlib", "--veil", tmp_path / "me.veil"),
                *("--device", device),
            )
        assert code == 0, err
        whole = files.Window(0, 0, 256, 180)
        frames.append(torch.cat([frame.cut(whole) for _, frame in files.frames_of(out)]))
    assert (frames[0] - frames[1]).abs().max() < 0.02


def test_stopped_it_says_that_it_goes_on(capsys, film, tmp_path, monkeypatch):
    save_veil(stirred(), tmp_path / "me.veil")
    words = ("protect", film, "-o", tmp_path / "out.mp4", "--surrogate", "dlib", "--veil", tmp_path / "me.veil")
    joined = []

    def stopped(*given: object) -> None:
        joined.append(given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("faceveil.core.film.rewrite._join", stopped)
        code, text, _ = run(capsys, *words)
    assert code == 130 and "the same command goes on from there" in text and not (tmp_path / "out.mp4").exists()
    monkeypatch.setattr("faceveil.core.film.worn.Worn.put_on", None)
    code, _, err = run(capsys, *words)
    assert code == 0 and (tmp_path / "out.mp4").is_file() and not list(tmp_path.glob(".*")), err


def test_films_among_photos_are_protected_in_the_same_run(capsys, film, schema, portrait, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    (folder / "deep").mkdir(parents=True)
    for source, name in ((film, "deep/clip.avi"), (film, "clip.mp4"), (portrait, "photo.png")):
        shutil.copy(source, folder / name)
    (folder / "broken.mp4").write_bytes(b"no film")
    save_veil(stirred(), tmp_path / "me.veil")
    words = ("protect", folder, "-o", out, "--surrogate", "dlib", "--veil", tmp_path / "me.veil")
    code, text, err = run(capsys, *words, "--report", tmp_path / "r.json")
    assert code == 2 and "4 photos and films: 3 done" in text and "broken.mp4" in err and "damaged or no film" in err
    there = [
        path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file() and path.parent.name[0] != "."
    ]
    assert sorted(there) == ["clip.mp4", "deep/clip.mkv", "photo.png"]
    report = {entry["photo"]: entry for entry in json.loads((tmp_path / "r.json").read_text())}
    assert report["clip.mp4"]["frames"] == 6 and report["photo.png"]["faces"]
    schema.validate(report["clip.mp4"])
    before = (out / "clip.mp4").stat().st_mtime_ns
    (folder / "broken.mp4").unlink()
    code, text, _ = run(capsys, *words)
    assert code == 0 and "3 were done before" in text and (out / "clip.mp4").stat().st_mtime_ns == before
    _, text, _ = run(capsys, "status", out)
    assert "clip.mp4: still matched" in text or "clip.mp4: no longer matched" in text


def test_an_edit_leaves_films_as_they_are(capsys, film, portrait, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(film, folder / "clip.mp4")
    words = ("edit", folder, "-o", tmp_path / "out", "--prompt", "red-lips", "--steps", 2, "--no-protect")
    assert "1 films, which only protect takes" in refused(capsys, *words)
    shutil.copy(portrait, folder / "photo.png")
    code, text, _ = run(capsys, *words)
    assert code == 0 and "1 photos: 1 done" in text and "films are left as they are" in text
    assert not (tmp_path / "out" / "clip.mp4").exists()


def test_what_films_do_not_take_is_said(capsys, film, portrait, tmp_path):
    assert "--mask" in refused(capsys, "protect", film, "-o", tmp_path / "out.mp4", "--mask", portrait)
    both = ("--strength", "light", "--recipe", "published-2")
    assert "not both" in refused(capsys, "protect", film, "-o", tmp_path / "out.mp4", *both)
    assert "format that can be written" in refused(capsys, "protect", film, "-o", tmp_path / "out.png")
    assert not (tmp_path / "out.mp4").exists()
