"""`protect --apart`: copies of one person must not give each other away."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
import torch
from commandline import refused, run
from photos import smaller
from tiny_networks import tiny_recogniser

from faceveil.core.images import image_of, read_photo
from faceveil.core.methods.recipes import choose
from faceveil.core.optimise import Settings
from faceveil.core.photo.protector import Protector
from faceveil.core.recognisers.catalogue import load_recogniser
from faceveil.core.recognisers.ensemble import Ensemble
from faceveil.core.verdict.facts import FaceVerdict, Quality
from faceveil.core.verdict.report import Report
from faceveil.core.verdict.verify import embed_largest


@pytest.fixture
def told(monkeypatch):
    """How many earlier copies each photo was to be kept apart from, in the order of the work; nothing is searched."""
    counts: list[int] = []
    face = FaceVerdict((0, 0, 90, 90), (), Quality(30, 0.9, None, None, 0.1, 0.5, 0.0))

    def counting(self, photo, mask=None, on_step=None, found=None, apart=()):
        counts.append(len(apart))
        return photo.with_pixels(1 - (1 - photo.pixels) * 0.9), Report([face], recipe="balanced", seed=self.seed), None

    monkeypatch.setattr(Protector, "with_veil", counting)
    return counts


@pytest.fixture
def album(portrait, tmp_path):
    """Two people in folders of their own, in photos so small that a search costs little."""
    for name in ("ann/1.png", "ann/2.png", "bob/1.png"):
        (tmp_path / "album" / name).parent.mkdir(parents=True, exist_ok=True)
        smaller(portrait, tmp_path / "album" / name, 160)
    return tmp_path / "album"


def test_a_copy_is_kept_from_resembling_the_one_before_and_judged_by_the_original(examples, tmp_path):
    tiny = load_recogniser(str(tiny_recogniser(tmp_path)))
    first, second = (read_photo(examples / f"person-{name}.jpg") for name in ("first", "second"))
    protector = Protector(replace(choose("balanced"), settings=Settings(6), budget=None), [tiny])
    copy, alone = (protector(photo)[0] for photo in (first, second))
    apart, report = protector(second, apart=[image_of(copy)])
    faces = [embed_largest(Ensemble([tiny]), image_of(photo))["tiny"][0] for photo in (copy, alone, apart)]
    assert torch.dot(faces[0], faces[2]) < torch.dot(faces[0], faces[1]) - 0.03
    assert report.compared_with == "original" and report.faces[0].recognisers[0].before == pytest.approx(1, abs=1e-3)


def test_photos_of_a_folder_are_kept_apart_one_after_the_other_also_when_a_run_goes_on(capsys, album, tmp_path, told):
    out, report = tmp_path / "out", tmp_path / "r.json"
    words = ("protect", album, "-o", out, "--surrogate", "dlib", "--apart", "--report", report)
    assert run(capsys, *words, "--sheet", out / "s.png")[0] == 0
    assert told == [0, 1, 0], "another folder shows another person, and sheets are no copies"
    notes = [entry["notes"] for entry in json.loads(report.read_text())]
    assert [any("the copy made before" in note for note in each) for each in notes] == [False, True, False]
    told.clear()
    (out / "ann" / "1.png").unlink()
    assert run(capsys, *words, "--sheet", out / "s.png")[0] == 0
    assert told == [1], "what was done before counts too"
    told.clear()
    assert run(capsys, *words, "--seed", "1", "--sheet", out / "s.png")[0] == 0
    assert told == [0, 1, 0], "but not what is done again"


def test_copies_that_are_named_count_for_every_photo(capsys, portrait, album, tmp_path, told):
    code, said, _ = run(
        *(capsys, "protect", portrait, "-o", tmp_path / "o.png", "--surrogate", "dlib"),
        "--apart",
        album / "ann" / "1.png",
    )
    assert code == 0 and told == [1]
    assert "note: Kept apart from the copy made before, and yet it matches this one (dlib)." in said
    told.clear()
    shutil.rmtree(album / "bob")
    words = ("protect", album, "-o", tmp_path / "out", "--surrogate", "dlib", "--apart", portrait)
    assert run(capsys, *words)[0] == 0 and told == [1, 2]


def test_what_cannot_be_kept_apart_is_refused_before_any_work(capsys, portrait, faceless, album, tmp_path):
    one = ("protect", portrait, "-o", tmp_path / "o.png")
    assert "which copies were made before" in refused(capsys, *one, "--apart")
    assert "'sky.png'" in refused(capsys, *one, "--apart", faceless)
    assert "add --refine" in refused(capsys, *one, "--veil", tmp_path / "me.veil", "--apart", portrait)
    several = ("protect", album, "-o", tmp_path / "out", "--apart")
    assert "leave out --jobs" in refused(capsys, *several, "--jobs", 2)
    assert "leave out --jobs and --ray" in refused(capsys, *several, "--ray", "local")
    assert "folder of this machine" in refused(capsys, "protect", album, "-o", "memory://out", "--apart")
    assert not (tmp_path / "o.png").exists() and not (tmp_path / "out").exists()
