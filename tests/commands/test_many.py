"""`faceveil protect` of many photos, from the command line."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import jsonschema
import onnx
import pytest
from commandline import refused, run
from PIL import Image
from tiny_networks import tiny_recogniser

from faceveil.core import devices
from faceveil.core.cli import build_parser
from faceveil.core.commands import many
from faceveil.core.commands.denoising import pick_recipe
from faceveil.core.commands.many import fitting_jobs, settings_of
from faceveil.core.commands.options import settle_surrogates
from faceveil.core.recognisers.catalogue import calibration_file
from faceveil.core.recognisers.files import files_of

SCHEMA = Path(__file__).parents[2] / "docs" / "report.schema.json"


@pytest.fixture
def folder(portrait, faceless, tmp_path):
    """Two portraits and a sky, in folders."""
    photos = tmp_path / "photos"
    (photos / "deep").mkdir(parents=True)
    shutil.copy(portrait, photos / "deep" / "b.png")
    Image.open(portrait).save(photos / "a.jpg", quality=95)
    shutil.copy(faceless, photos / "deep" / "sky.png")
    return photos


def test_a_folder_is_resumed_told_and_reported(capsys, quick, folder, tmp_path):
    out, report = tmp_path / "out", tmp_path / "r.json"
    words = ("protect", folder, "-o", out, "--surrogate", "dlib")
    code, text, err = run(capsys, *words, "--report", report, "--sheet", tmp_path / "s.png")
    assert code == 2 and "deep/sky.png: In the photo 'sky.png'" in err and "3 photos: 2 done" in text
    assert (out / "a.jpg").is_file() and (out / "deep" / "b.png").is_file()
    assert (tmp_path / "s-a-jpg.png").is_file() and (tmp_path / "deep" / "s-b-png.png").is_file()
    entries = json.loads(report.read_text())
    assert [entry["photo"] for entry in entries] == ["a.jpg", "b.png", "sky.png"]
    assert "JPEG" in entries[0]["notes"][0] and entries[1]["faces"] and "error" in entries[2]
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(entries)

    (folder / "deep" / "sky.png").unlink()
    written = (out / "a.jpg").stat().st_mtime_ns
    code, text, _ = run(capsys, *words, "--report", report)
    assert code == 0 and "2 photos: 0 done, 2 were done before" in text
    assert (out / "a.jpg").stat().st_mtime_ns == written and len(json.loads(report.read_text())) == 3
    code, text, _ = run(capsys, "status", out)
    assert code == 0 and "3 photos: 2 done, 1 failed" in text and "SSIM" in text
    code, text, _ = run(capsys, *words, "--seed", "1")
    assert code == 0 and "2 photos: 2 done" in text and "before" not in text


def settled(*arguments, pick=pick_recipe):
    options = build_parser().parse_args(["protect", "x", "-o", "y", *arguments])
    settle_surrogates(options)
    return settings_of(options, pick(options))


def test_what_makes_a_difference_to_a_photo_is_in_the_settings(portrait, tmp_path):
    def settings(*more):
        return settled(*map(str, more))

    same = [(), ("--jobs", "4"), ("--ray", "local"), ("--retries", "0"), ("--device", "cpu"), ("--report", "r.json")]
    assert len({settings(*more) for more in same}) == 1
    other = [("--strength", "strong"), ("--seed", "1"), ("--keep-metadata",), ("--far", "1e-3"), ("--faces", "0")]
    assert len({settings(*more) for more in [(), *other]}) == 6
    gallery = shutil.copy(portrait, tmp_path / "gallery.png")
    before = settings("--gallery", gallery)
    Image.open(portrait).rotate(3).save(gallery)
    assert settings("--gallery", gallery) not in (before, settings())


def test_what_decides_the_outcome_without_being_an_option_is_in_the_settings(tmp_path, monkeypatch):
    """Each of these once left verdicts standing that no longer held."""
    model, seen = tmp_path / "net.onnx", []
    (tmp_path / "clip").mkdir()
    model.write_bytes(b"weights")

    def settings(pick):
        arguments = ["--judge", str(model), "--makeup", "red lips", "--clip", str(tmp_path / "clip")]
        return settled(*arguments, pick=pick)

    def is_new(pick=pick_recipe):
        seen.append(settings(pick))
        return seen.count(seen[-1]) == 1 and settings(pick) == seen[-1]

    assert is_new()
    model.write_bytes(b"other weights")
    assert is_new(), "weights of a recogniser"
    model.with_suffix(".json").write_text('{"thresholds": {"1e-2": 0.3}}')
    assert is_new(), "a side-car that came"
    model.with_suffix(".json").write_text('{"thresholds": {"1e-2": 0.9}}')
    assert is_new(), "its threshold"
    calibrated = calibration_file("dlib", None)
    calibrated.parent.mkdir(parents=True)
    calibrated.write_text('{"thresholds": {"1e-2": 0.99}}')
    assert is_new(), "a built-in one, measured anew"
    (tmp_path / "clip" / "config.json").write_text("{}")
    assert is_new(), "the contents of a folder of models"
    monkeypatch.setattr("faceveil.core.version.version", lambda: "9.9")
    assert is_new(), "the code"
    assert is_new(lambda options: replace(pick_recipe(options), margin=0.351)), "a number of a recipe"


def test_weights_beside_an_onnx_file_belong_to_it(tmp_path):
    path = tiny_recogniser(tmp_path)
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="net.data", size_threshold=0)
    assert tmp_path / "net.data" in files_of(path)


def test_nothing_in_out_is_lost_whatever_part_it_plays(capsys, folder, portrait, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    shutil.copy(portrait, out / "a.jpg")
    before = (out / "a.jpg").read_bytes()
    assert "--overwrite" in refused(capsys, "protect", folder, "-o", out)
    assert "exists already" in refused(capsys, "protect", folder / "a.jpg", "-o", out)
    for option in ("--gallery", "--mask"):
        message = refused(capsys, "protect", folder, "-o", out, option, out / "a.jpg", "--overwrite")
        assert "never overwritten" in message
    assert (out / "a.jpg").read_bytes() == before


@pytest.mark.slow
def test_two_processes_protect_side_by_side(capsys, folder, tmp_path):
    arguments = ("--recipe", "pixel-noise", "--jobs", 2, "--retries", 0)
    code, text, err = run(capsys, "protect", folder / "deep" / "*", "-o", tmp_path / "out", *arguments)
    assert code == 2 and "2 photos: 1 done" in text and "1 of 2 photos failed" in err
    assert (tmp_path / "out" / "b.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--jobs", "0"), "--jobs: '0' is neither auto nor a number"),
        (("--retries", "-1"), "--retries"),
        (("--surrogate", "nobody"), "no recogniser called"),
        (("--ray", "nowhere:1"), "'nowhere:1' cannot be reached"),
    ],
)
def test_impossible_options(capsys, folder, tmp_path, arguments, says):
    assert says in refused(capsys, "protect", folder, "-o", tmp_path / "out", *arguments)


def test_a_folder_of_photos_cannot_become_a_file(capsys, folder, tmp_path):
    assert "must be a folder" in refused(capsys, "protect", folder, "-o", tmp_path / "o.png")
    assert "among the photos" in refused(capsys, "protect", folder, "-o", folder / "deep" / "out")
    assert "no photos" in refused(capsys, "protect", tmp_path / "*.webp", "-o", tmp_path / "out")


def test_sheets_and_reports_never_lie_among_the_photos(capsys, quick, folder, tmp_path):
    out, before = tmp_path / "out", (folder / "a.jpg").read_bytes()
    for photos, place in ((folder, folder), (folder, folder / "deep"), (folder / "*.jpg", folder)):
        for option, name in (("--sheet", "s.jpg"), ("--report", "a.jpg")):
            message = refused(capsys, "protect", photos, "-o", out, option, place / name)
            assert ("among the photos" if option == "--sheet" else "the name of a photo") in message
    assert not out.exists() and (folder / "a.jpg").read_bytes() == before
    (folder / "deep" / "sky.png").unlink()
    beside = ("--surrogate", "dlib", "--sheet", folder / "s.png", "--report", folder / "r.json")
    assert run(capsys, "protect", folder / "*.jpg", "-o", out, *beside)[0] == 0, "which no such pattern finds"
    assert (folder / "s-a-jpg.png").is_file() and (folder / "r.json").is_file()


def test_a_report_never_lands_on_a_photo(capsys, folder, portrait, tmp_path):
    message = refused(capsys, "protect", portrait, folder / "a.jpg", "-o", tmp_path / "out", "--report", portrait)
    assert "the name of a photo" in message and not (tmp_path / "out").exists()
    link = folder / "a.json"
    link.symlink_to(portrait)
    for name in (portrait, link):
        message = refused(capsys, "protect", name, folder / "a.jpg", "-o", tmp_path / "out", "--report", link)
        assert "input already" in message or "is a link" in message


def test_as_many_jobs_as_memory_holds(monkeypatch):
    monkeypatch.setattr(many.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    for memory, jobs in ((4_096_000_000, int(4.096e9 / many.MEMORY)), (40_960, 1), (4 * 10**12, 8), (None, 8)):
        monkeypatch.setattr(devices, "free_memory", lambda memory=memory: memory)
        assert fitting_jobs() == jobs


def test_one_card_that_is_named_gets_one_worker(monkeypatch):
    """Eight copies of the models on one card run out of its memory, whatever `auto` finds in cores."""
    monkeypatch.setattr(many, "fitting_jobs", lambda: 8)
    monkeypatch.setattr(many, "_cards", lambda: 2)

    def workers(*arguments):
        options = build_parser().parse_args(["protect", "x", "-o", "y", "--jobs", "auto", *arguments])
        hired = many.pick_workers(options)
        return len(hired.keywords["seats"]) if isinstance(hired, partial) else 1

    counts = {"cuda:1": 1, "mps": 1, "cpu": 8, "cuda": 2, "auto": 2}
    assert {device: workers("--device", device) for device in counts} == counts
