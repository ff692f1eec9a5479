"""The command line as a user meets it: what it writes, what it says, and how it ends."""

from __future__ import annotations

import json
import os
import shutil
from errno import EACCES, ENOSPC
from pathlib import Path

import pytest
import torch
from commandline import refused, run
from PIL import Image

from faceveil.core.commands import protect, protecting
from faceveil.core.errors import OutputError
from faceveil.core.images import read_photo
from faceveil.core.photo.protector import Protector


def test_verify_of_two_photos_of_one_person_and_of_a_stranger(capsys, examples, tmp_path):
    first, second = examples / "person-first.jpg", examples / "person-second.jpg"
    code, out, _ = run(capsys, "verify", first, first, "--gallery", second, "--json", "--sheet", tmp_path / "s.png")
    (*seen,) = json.loads(out)["faces"][0]["recognisers"]
    assert code == 0 and all(row["matched_before"] and row["before"] == row["after"] for row in seen)
    assert (tmp_path / "s.png").is_file()
    code, out, _ = run(capsys, "verify", first, first, "--gallery", examples / "portrait.png")
    assert code == 0 and "not matched even before" in out


def test_a_name_that_is_too_long_is_one_sentence(capsys, portrait, tmp_path):
    long = tmp_path / ("m" * 300)
    assert "shorten it" in refused(capsys, "protect", portrait, "-o", long.with_suffix(".png"))
    assert "shorten it" in refused(
        capsys, "protect", portrait, "-o", tmp_path / "o.png", "--report", long.with_suffix(".json")
    )
    assert "shorten it" in refused(capsys, "status", long)


def test_protect_writes_photo_report_and_sheet(capsys, quick, portrait, tmp_path):
    out, report, sheet = tmp_path / "out.png", tmp_path / "report.json", tmp_path / "sheet.png"
    code, text, _ = run(capsys, "protect", portrait, "-o", out, "--report", report, "--sheet", sheet, "--seed", 3)
    assert code == 0 and "dlib (surrogate)" in text and "sface (surrogate)" in text
    data = json.loads(report.read_text())
    assert (data["recipe"], data["seed"], data["photo"]) == ("balanced", 3, "photo.png")
    assert data["evaluations"]["recogniser"] > 3 and sheet.is_file()
    before, after = read_photo(portrait).pixels, read_photo(out).pixels
    assert before.shape == after.shape and not torch.equal(before, after)
    assert data["faces"][0]["quality"]["outside_max"] == 0


def test_a_judges_family_does_not_protect_and_who_is_left_out_is_told(capsys, quick, portrait, tmp_path):
    models = tmp_path / "home" / "models" / "recognisers"
    models.mkdir(parents=True)
    card = {"input_size": 112, "template": "arcface", "scale_after_mean": 0.01, "commercial": False}
    (models / "mine.json").write_text(json.dumps(card))
    (models / "mine.onnx").write_bytes(b"never opened")
    code, text, _ = run(capsys, "protect", portrait, "-o", tmp_path / "out.png", "--judge", "sface")
    assert code == 0 and "dlib (surrogate)" in text and "sface (judge)" in text
    assert "without part unless named: mine (its licence is for research)" in text


def test_another_detector_may_be_named(capsys, portrait, tmp_path, monkeypatch):
    from faceveil.core.faces import find

    monkeypatch.setattr(find, "find_scrfd_file", lambda: None)
    for verb in (("protect", portrait), ("edit", portrait, "--prompt", "red lips"), ("regions", portrait, "lips")):
        says = refused(capsys, *verb, "-o", tmp_path / "out.png", "--detector", "scrfd")
        assert "No SCRFD detector is here" in says
    assert "No SCRFD detector" in refused(capsys, "verify", portrait, portrait, "--detector", "scrfd")


def test_the_same_seed_gives_the_same_file(capsys, quick, portrait, tmp_path):
    for name in ("one.png", "two.png"):
        run(capsys, "protect", portrait, "-o", tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_a_folder_of_photos_keeps_stems_and_survives_a_bad_one(capsys, quick, portrait, faceless, tmp_path):
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    shutil.copy(portrait, photos / "a.png")
    shutil.copy(faceless, photos / "b.png")
    shutil.copy(portrait, photos / "c.png")
    words = ("protect", photos, "-o", out, "--surrogate", "dlib", "--report", tmp_path / "r.json")
    code, _, err = run(capsys, *words)
    assert code == 2 and "b.png" in err and "1 of 3" in err
    assert sorted(path.name for path in out.iterdir() if path.is_file()) == ["a.png", "c.png"]
    assert ["error" in entry for entry in json.loads((tmp_path / "r.json").read_text())] == [False, True, False]


def test_alpha_and_what_is_outside_the_mask_survive(capsys, quick, portrait, tmp_path):
    clear = Image.open(portrait).convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    clear.save(tmp_path / "clear.png")
    mask = Image.new("L", (128, 128), 0)
    mask.paste(255, (0, 0, 128, 60))
    mask.save(tmp_path / "mask.png")
    words = ("protect", tmp_path / "clear.png", "-o", tmp_path / "o.png", "--surrogate", "dlib")
    code, *_ = run(capsys, *words, "--mask", tmp_path / "mask.png")
    assert code == 0
    before, after = read_photo(tmp_path / "clear.png"), read_photo(tmp_path / "o.png")
    assert torch.equal(before.alpha, after.alpha)
    assert torch.equal(before.pixels[:, 124:], after.pixels[:, 124:])
    assert not torch.equal(before.pixels, after.pixels)


def test_no_face(capsys, faceless, tmp_path):
    assert "face" in refused(capsys, "protect", faceless, "-o", tmp_path / "o.png")
    assert not (tmp_path / "o.png").exists()


def test_a_face_too_small(capsys, portrait, tmp_path):
    small = Image.open(portrait).resize((80, 80))
    canvas = Image.new("RGB", (400, 400), (128, 128, 128))
    canvas.paste(small, (100, 100))
    canvas.save(tmp_path / "small.png")
    assert "px" in refused(capsys, "protect", tmp_path / "small.png", "-o", tmp_path / "o.png")
    assert not (tmp_path / "o.png").exists()


def test_a_small_face_is_protected_and_warned_of_in_one_sentence(capsys, quick, portrait, tmp_path):
    photos, report = tmp_path / "photos", tmp_path / "r.json"
    photos.mkdir()
    Image.open(portrait).resize((150, 150)).save(photos / "small.png")
    words = ("protect", photos / "small.png", "-o", tmp_path / "o.png", "--surrogate", "dlib", "--report", report)
    code, out, _ = run(capsys, *words)
    (said,) = [line for line in out.splitlines() if "px wide" in line]
    assert code == 0 and said.startswith("note: face 0 is only") and "hides less" in said
    assert json.loads(report.read_text())["notes"] == [said.removeprefix("note: ")]
    _, out, _ = run(capsys, "protect", portrait, "-o", tmp_path / "o.png", "--surrogate", "dlib")
    assert "px wide" not in out
    code, _, err = run(capsys, "protect", photos, "-o", tmp_path / "out", "--surrogate", "dlib")
    assert code == 0 and "faceveil: small.png: face 0 is only" in err


def test_a_face_cut_by_the_border_is_protected(capsys, quick, portrait, tmp_path):
    Image.open(portrait).crop((100, 0, 256, 256)).save(tmp_path / "cut.png")
    code, *_ = run(capsys, "protect", tmp_path / "cut.png", "-o", tmp_path / "o.png", "--surrogate", "dlib")
    assert code == 0 and Image.open(tmp_path / "o.png").size == (156, 256)


def test_masks_of_another_shape(capsys, portrait, tmp_path):
    Image.new("L", (200, 100), 255).save(tmp_path / "mask.png")
    message = refused(capsys, "protect", portrait, "-o", tmp_path / "o.png", "--mask", tmp_path / "mask.png")
    assert "200x100" in message and "256x256" in message


def test_decoys_are_asked_for_and_must_show_a_face(capsys, portrait, faceless, tmp_path):
    out = tmp_path / "o.png"
    assert "--decoy" in refused(capsys, "protect", portrait, "-o", out, "--mode", "decoy")
    assert "--mode decoy" in refused(capsys, "protect", portrait, "-o", out, "--decoy", faceless)
    assert "face" in refused(capsys, "protect", portrait, "-o", out, "--mode", "decoy", "--decoy", faceless)
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--surrogate", "nobody"), "no recogniser called"),
        (("--strength", "brutal"), "--strength: invalid choice"),
        (("--recipe", "brutal"), "--recipe: invalid choice"),
        (("--faces", "nearest"), "all, largest, or a number"),
        (("--report", ""), "--report: the name is empty"),
        (("--strength", "light", "--recipe", "pixel-noise"), "not both"),
        (("--autoencoder", "missing"), "missing_encoder"),
        (("--budget", "7"), "budget"),
        (("--faces", "5"), "no face number 5"),
        (("--device", "quantum"), "device"),
    ],
)
def test_impossible_options(capsys, portrait, tmp_path, arguments, says):
    assert says in refused(capsys, "protect", portrait, "-o", tmp_path / "o.png", *arguments)
    assert not (tmp_path / "o.png").exists()


def test_outputs_that_cannot_be(capsys, portrait, tmp_path):
    before = portrait.read_bytes()
    assert "input" in refused(capsys, "protect", portrait, "-o", portrait)
    assert portrait.read_bytes() == before
    assert "no folder" in refused(capsys, "protect", portrait, "-o", tmp_path / "nowhere" / "o.png")
    assert "is a folder" in refused(capsys, "protect", portrait, "-o", tmp_path / "o.png", "--report", tmp_path)
    assert "--out: the name is empty" in refused(capsys, "protect", portrait, "-o", "")
    assert "must be a folder" in refused(capsys, "protect", portrait, tmp_path / "b.png", "-o", tmp_path / "o.png")


def test_what_could_not_be_written_is_refused_before_the_work(capsys, portrait, tmp_path, monkeypatch):
    def works(*_: object) -> None:
        raise AssertionError("worked first")

    monkeypatch.setattr(Protector, "__call__", works)
    monkeypatch.setattr("faceveil.core.verdict.verify.verify", works)
    clear = Image.open(portrait)
    clear.putalpha(128)
    clear.save(tmp_path / "clear.png")
    assert "transparency" in refused(capsys, "protect", tmp_path / "clear.png", "-o", tmp_path / "o.jpg")
    assert "s.txt" in refused(capsys, "protect", portrait, "-o", tmp_path / "o.png", "--sheet", tmp_path / "s.txt")
    assert "s.txt" in refused(capsys, "verify", portrait, portrait, "--judge", "dlib", "--sheet", tmp_path / "s.txt")


def test_a_locked_folder_is_refused_before_the_work(capsys, portrait, tmp_path, monkeypatch):
    def works(*_: object) -> None:
        raise AssertionError("worked first")

    def locked(path: Path, **_: object) -> None:
        raise PermissionError(EACCES, "Permission denied")

    monkeypatch.setattr(Protector, "with_veil", works)
    monkeypatch.setattr(Path, "touch", locked)
    before = sorted(tmp_path.iterdir())
    said = refused(capsys, "protect", portrait, "-o", tmp_path / "o.png")
    assert "Permission denied" in said and "choose another folder" in said
    assert "Permission denied" in refused(
        capsys, "edit", portrait, "-o", tmp_path / "o.png", "--prompt", "red lipstick"
    )
    assert sorted(tmp_path.iterdir()) == before


def test_a_full_disk_leaves_the_older_copy_and_one_sentence(capsys, quick, portrait, tmp_path, monkeypatch):
    def full(_: int) -> None:
        raise OSError(ENOSPC, "No space left on device")

    (tmp_path / "o.png").write_bytes(b"older")
    before = sorted(tmp_path.iterdir())
    monkeypatch.setattr(os, "fsync", full)
    said = refused(capsys, "protect", portrait, "-o", tmp_path / "o.png", "--surrogate", "dlib")
    assert "'o.png' was not written because the disk is full" in said
    assert sorted(tmp_path.iterdir()) == before and (tmp_path / "o.png").read_bytes() == b"older"


def test_a_report_that_cannot_be_written_takes_neither_copy_nor_verdict_along(
    capsys, quick, portrait, tmp_path, monkeypatch
):
    def full(*_: object) -> None:
        raise OutputError("no room")

    monkeypatch.setattr(protect, "write_json", full)
    words = ("protect", portrait, "-o", tmp_path / "o.png", "--surrogate", "dlib", "--report", tmp_path / "r.json")
    code, out, err = run(capsys, *words)
    assert code == 2 and err == "faceveil: no room\n"
    assert "as measured by 1 recogniser (dlib)" in out and read_photo(tmp_path / "o.png").height == 256


def test_a_folder_where_a_file_should_be_is_refused_and_kept(capsys, portrait, tmp_path):
    (tmp_path / "out" / "photo.png").mkdir(parents=True)
    (tmp_path / "v.veil").mkdir()
    said = refused(capsys, "protect", portrait, "-o", tmp_path / "out", "--overwrite")
    assert "'photo.png' is a folder: add a file name" in said
    words = ("protect", portrait, "-o", tmp_path / "o.png")
    assert "is a folder" in refused(capsys, *words, "--save-veil", tmp_path / "v.veil")
    assert "is a folder" in refused(capsys, *words, "--sheet", tmp_path)
    (tmp_path / "taken").write_text("a file")
    assert "cannot be made (File exists): name another" in refused(
        capsys, "protect", portrait, "-o", tmp_path / "taken"
    )
    assert (tmp_path / "taken").read_text() == "a file" and (tmp_path / "out" / "photo.png").is_dir()


def test_stopping_keeps_what_is_finished_and_writes_no_half(capsys, quick, portrait, tmp_path, monkeypatch):
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    for name in "abc":
        shutil.copy(portrait, photos / f"{name}.png")
    original, calls = protecting.protect_quietly, []

    def second_is_interrupted(*arguments, **named):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(*arguments, **named)

    monkeypatch.setattr(protecting, "protect_quietly", second_is_interrupted)
    code, _, err = run(capsys, "protect", photos, "-o", out, "--surrogate", "dlib")
    assert code == 130 and "Stopped" in err
    assert [path.name for path in out.iterdir() if path.is_file()] == ["a.png"]


def test_recognisers_are_listed(capsys):
    code, out, _ = run(capsys, "recognisers")
    assert code == 0 and out.splitlines()[1].startswith("dlib")
    code, out, _ = run(capsys, "recognisers", "--json")
    assert json.loads(out)[0]["thresholds"]["1e-2"] == 0.912


def test_packs_that_are_not_here_show_family_and_licence(capsys):
    _, out, _ = run(capsys, "recognisers")
    (line,) = [line for line in out.splitlines() if line.startswith("buffalo_s")]
    assert "not here" in line and "mobilefacenet" in line and "non-commercial" in line


def test_a_long_name_moves_the_whole_column(capsys, monkeypatch):
    from faceveil.core.recognisers import catalogue

    known = catalogue.entries()
    long = catalogue.Entry("a-recogniser-with-a-name-much-longer-than-others", "installed")
    monkeypatch.setattr(catalogue, "entries", lambda: [*known, long])
    _, out, _ = run(capsys, "recognisers")
    head, *lines, _ = out.splitlines()
    starts = [len(head.split(title)[0]) for title in ("STATE", "FAMILY", "AT FAR", "LICENCE")]
    assert len(lines) == len(known) + 1
    assert all(line[start - 1] == " " != line[start] for line in lines for start in starts)


def test_fetch_lists_what_there_is_and_never_downloads_unasked(capsys):
    code, out, _ = run(capsys, "fetch")
    assert code == 0 and "lpips-vgg" in out and "non-commercial" in out
    assert "cannot be fetched" in refused(capsys, "fetch", "nonsense")


def test_calibrate_explains_a_wrong_folder(capsys, tmp_path):
    assert "a and b" in refused(capsys, "calibrate", tmp_path, "--recogniser", "dlib")


def test_no_output_lands_on_an_input_or_another_output(capsys, portrait, tmp_path):
    before = portrait.read_bytes()
    out = tmp_path / "o.png"
    assert "to be text" in refused(capsys, "protect", portrait, "-o", out, "--report", portrait)
    assert "input" in refused(capsys, "protect", portrait, "-o", out, "--sheet", portrait)
    assert "to be text" in refused(capsys, "protect", portrait, "-o", out, "--report", out)
    assert "another output" in refused(capsys, "protect", portrait, "-o", out, "--sheet", out)
    assert "folder" in refused(capsys, "protect", portrait, "-o", out, "--report", tmp_path / "missing" / "r.json")
    assert portrait.read_bytes() == before and not out.exists()
