"""Veils on the command line: kept, worn, looked at, learned, begun with."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from commandline import cut_short, refused, run
from PIL import Image
from veils import stirred

from faceveil.core import cli
from faceveil.core.images import read_photo
from faceveil.core.photo.protector import Protector
from faceveil.core.veil.files import load_veil, save_veil


@pytest.fixture(scope="module")
def kept(examples, tmp_path_factory):
    """A folder with a veil that was found in a few iterations, and with the picture that came with it."""
    folder = tmp_path_factory.mktemp("kept")
    Image.open(examples / "portrait.png").convert("RGB").crop((100, 0, 356, 256)).save(folder / "photo.png")
    words = ("protect", folder / "photo.png", "-o", folder / "found.png", "--save-veil", folder / "me.veil")
    with pytest.MonkeyPatch.context() as patch:
        cut_short(patch)
        assert cli.main([*map(str, words), "--surrogate", "dlib"]) == 0
    return folder


@pytest.fixture
def veil(kept, tmp_path):
    """A copy of its own for each test, the picture beside it."""
    shutil.copy(kept / "found.png", tmp_path)
    return Path(shutil.copy(kept / "me.veil", tmp_path))


def test_what_was_kept_makes_the_same_picture_again(capsys, portrait, veil, tmp_path):
    assert load_veil(veil).origin.recipe == "balanced"
    run(capsys, "veil", "apply", portrait, "--veil", veil, "-o", tmp_path / "worn.png")
    run(capsys, "protect", portrait, "--veil", veil, "-o", tmp_path / "again.png", "--report", tmp_path / "r.json")
    found = read_photo(tmp_path / "found.png").pixels
    assert torch.equal(found, read_photo(tmp_path / "worn.png").pixels)
    assert torch.equal(found, read_photo(tmp_path / "again.png").pixels)
    assert json.loads((tmp_path / "r.json").read_text())["recipe"] == "veil (balanced)"


def test_less_of_it_changes_less(capsys, portrait, veil, tmp_path):
    run(capsys, "veil", "apply", portrait, "--veil", veil, "-o", tmp_path / "less.png", "--amount", "0.3")
    clean, found, less = (read_photo(p).pixels for p in (portrait, tmp_path / "found.png", tmp_path / "less.png"))
    assert 0 < (less - clean).abs().mean() < 0.6 * (found - clean).abs().mean()


def test_a_search_goes_on_from_it(capsys, portrait, veil, tmp_path):
    code, _, _ = run(
        capsys,
        *("protect", portrait, "--veil", veil, "--refine", 2, "-o", tmp_path / "on.png", "--surrogate", "dlib"),
        *("--report", tmp_path / "r.json"),
    )
    assert code == 0 and json.loads((tmp_path / "r.json").read_text())["recipe"] == "balanced+veil"


def test_under_a_budget_it_is_worn_as_far_as_that_goes_and_kept_as_it_was_worn(capsys, portrait, tmp_path):
    save_veil(stirred(), tmp_path / "me.veil")
    code, _, _ = run(
        capsys,
        *("protect", portrait, "-o", tmp_path / "less.png", "--veil", tmp_path / "me.veil", "--budget", 0.06),
        *("--surrogate", "dlib", "--report", tmp_path / "r.json", "--save-veil", tmp_path / "less.veil"),
    )
    report = json.loads((tmp_path / "r.json").read_text())
    assert code == 0 and 0 < report["amount"] < 1 and report["faces"][0]["quality"]["paint"] <= 0.08
    run(capsys, "veil", "apply", portrait, "--veil", tmp_path / "less.veil", "-o", tmp_path / "again.png")
    worn, again = (read_photo(tmp_path / name).pixels for name in ("less.png", "again.png"))
    assert (worn - again).abs().max() < 1.5 / 255


def test_each_of_several_people_wears_their_own(capsys, examples, tmp_path):
    """Two people side by side, told apart by photos, and by their order."""
    pictures = [Image.open(examples / name).convert("RGB") for name in ("person-first.jpg", "portrait.png")]
    pictures = [picture.resize((320, round(320 * picture.height / picture.width))) for picture in pictures]
    both = Image.new("RGB", (640, max(picture.height for picture in pictures)))
    for place, picture in enumerate(pictures):
        both.paste(picture, (320 * place, 0))
    both.save(tmp_path / "both.png")
    save_veil(stirred(), tmp_path / "first.veil")
    save_veil(stirred().scaled(0.5), tmp_path / "second.veil")
    first = f"{tmp_path / 'first.veil'}={examples / 'person-second.jpg'}"
    second = f"{tmp_path / 'second.veil'}={examples / 'portrait.png'}"
    words = ("protect", tmp_path / "both.png", "--surrogate", "dlib", "--report", tmp_path / "r.json", "-o")
    code, text, err = run(capsys, *words, tmp_path / "one.png", "--veil", second, "--veil", first)
    report = json.loads((tmp_path / "r.json").read_text())
    assert code == 0 and len(report["faces"]) == 2 and report["strangers"] == 0, err
    code, text, _ = run(capsys, *words, tmp_path / "alone.png", "--veil", first)
    report = json.loads((tmp_path / "r.json").read_text())
    assert code == 0 and len(report["faces"]) == 1 and "being like nobody whose veil was given: 1" in text
    one, alone, clean = (read_photo(tmp_path / name).pixels for name in ("one.png", "alone.png", "both.png"))
    assert torch.equal(one[..., :320, :], alone[..., :320, :]) and torch.equal(alone[..., 320:, :], clean[..., 320:, :])
    assert not torch.equal(one[..., 320:, :], clean[..., 320:, :])
    largest = report["faces"][0]["box"]
    order = (first, second) if largest[0] < 280 else (second, first)
    files = [each.split("=")[0] for each in order]
    run(capsys, *words, tmp_path / "order.png", "--veil", files[0], "--veil", files[1])
    two = ("--veil", first, "--veil", second)
    assert "one veil" in refused(capsys, *words, tmp_path / "no.png", *two, "--refine", 2)
    assert "3 veils and 2 faces" in refused(
        capsys, *words, tmp_path / "no.png", *(word for _ in range(3) for word in ("--veil", files[0]))
    )
    assert not (tmp_path / "no.png").exists()


def test_a_folder_wears_it(capsys, portrait, veil, tmp_path):
    (tmp_path / "photos").mkdir()
    for name in ("a.png", "b.png"):
        shutil.copy(portrait, tmp_path / "photos" / name)
    code, _, _ = run(capsys, "protect", tmp_path / "photos", "-o", tmp_path / "out", "--veil", veil)
    assert code == 0
    found = read_photo(tmp_path / "found.png").pixels
    assert torch.equal(read_photo(tmp_path / "out" / "a.png").pixels, found)


def test_a_curve_that_cannot_be_written_is_refused_before_anybody_is_asked(
    capsys, portrait, veil, tmp_path, monkeypatch
):
    monkeypatch.setattr("faceveil.core.verdict.veils.verify", lambda *given, **more: pytest.fail("asked first"))
    words = ("veil", "curve", portrait, "--veil", veil, "--judge", "dlib", "-o", tmp_path / "curve.txt")
    assert "curve.txt" in refused(capsys, *words)


def test_the_curve_is_a_table_and_a_picture(capsys, portrait, veil, tmp_path):
    code, out, _ = run(
        capsys, "veil", "curve", portrait, "--veil", veil, "--judge", "dlib", "-o", tmp_path / "curve.png"
    )
    lines = out.splitlines()
    assert code == 0 and [line.split()[0] for line in lines[1:8]] == [
        "0.00",
        "0.25",
        "0.50",
        "0.75",
        "1.00",
        "1.25",
        "1.50",
    ]
    assert "1.000*" in lines[1] and (tmp_path / "curve.png").is_file()


def test_one_is_learned_from_several_photos_and_tried_on_others(capsys, quick, examples, tmp_path):
    photos = [examples / "person-first.jpg", examples / "person-second.jpg"]
    code, out, _ = run(
        capsys, "veil", "learn", *photos, "-o", tmp_path / "me.veil", "--surrogate", "dlib", "--folds", 2
    )
    assert code == 0 and "left-out photos that dlib no longer matches" in out
    learned = load_veil(tmp_path / "me.veil")
    assert len(learned) == 1 and learned.origin.photos == 2


def test_what_makes_no_sense_is_one_sentence(capsys, quick, portrait, faceless, tmp_path):
    save_veil(stirred(), tmp_path / "other.veil")
    out, other = tmp_path / "out.png", tmp_path / "other.veil"
    assert "--veil FILE" in refused(capsys, "protect", portrait, "-o", out, "--refine", 3)
    assert "no veil" in refused(capsys, "protect", portrait, "-o", out, "--veil", portrait)
    assert "other knots" in refused(capsys, "protect", portrait, "-o", out, "--veil", other, "--refine", 1)
    assert "sky.png" in refused(capsys, "veil", "apply", faceless, "--veil", other, "-o", out)
    assert "from 2" in refused(capsys, "veil", "learn", portrait, "-o", tmp_path / "x.veil", "--folds", 2)
    assert not out.exists()


def test_a_veil_that_no_search_will_find_is_refused_before_the_search(capsys, quick, portrait, monkeypatch, tmp_path):
    monkeypatch.setattr(Protector, "with_veil", lambda *_, **__: pytest.fail("searched"))
    given = "--recipe", "pixel-noise", "--save-veil", tmp_path / "x.veil"
    assert "no veil" in refused(capsys, "protect", portrait, "-o", tmp_path / "out.png", *given)
    assert not (tmp_path / "out.png").exists() and not (tmp_path / "x.veil").exists()
