"""A whole small search, from the command line: found in the saved copies, gone on with, and refused in a sentence."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from commandline import refused, run
from photos import smaller
from PIL import Image

from faceveil.core.bench.packing import unpacked
from faceveil.core.images import read_photo, to_bchw
from faceveil.core.recognisers.catalogue import load_recogniser
from faceveil.core.recognisers.ensemble import Ensemble
from faceveil.core.sharing.upload import real_jpeg
from faceveil.core.verdict.verify import embed_largest

JUDGE = """
def alike(one, other):
    return 1 - abs(float(one.mean()) - float(other.mean())) / 255

alike.thresholds = {"1e-2": 0.5}
"""


def lines(out):
    return [json.loads(line) for line in (out / "rows.jsonl").read_text().splitlines()]


def rows_of(out):
    return [line for line in lines(out) if "method" in line]


@pytest.fixture(scope="module")
def people(tmp_path_factory, examples):
    """Two people in small photos; the second one's photo twice, since the project has no more."""
    folder = tmp_path_factory.mktemp("people")
    photos = {
        "ann/1": "person-first.jpg",
        "ann/2": "person-second.jpg",
        "bob/1": "portrait.png",
        "bob/2": "portrait.png",
    }
    for name, photo in photos.items():
        target = (folder / name).with_suffix((examples / photo).suffix)
        target.parent.mkdir(exist_ok=True)
        smaller(examples / photo, target)
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory, hasty, people, tiny):
    """The first photo of each, protected."""
    from faceveil.core import cli

    place = tmp_path_factory.mktemp("search")
    (place / "service.py").write_text(JUDGE)
    arguments = ["bench", people, "-o", place / "out", "--recognisers", "dlib", tiny, "--methods", "pixel-noise"]
    arguments += ["--held-out", "tiny", "--judge", f"{place}/service.py:alike"]
    arguments = [str(argument) for argument in arguments]
    assert cli.main([*arguments, "--count", "2"]) == 0
    return place / "out", arguments


def copied(finished, tmp_path):
    out = shutil.copytree(finished[0], tmp_path / "copy")
    return out, [str(out) if argument == str(finished[0]) else argument for argument in finished[1]]


def test_everybody_is_seen_once_and_photos_are_called_by_person(finished):
    out, _ = finished
    assert [line["known"] for line in lines(out) if "known" in line] == ["ann/1", "bob/1", "ann/2", "bob/2"]
    rows = rows_of(out)
    assert [(row["photo"], row["person"]) for row in rows] == [("ann/1", "ann"), ("bob/1", "bob")]
    assert {seen["name"]: seen["role"] for seen in rows[0]["recognisers"]} == {"dlib": "surrogate", "tiny": "judge"}
    assert set(rows[0]["outside"][0]["alike"]["jpeg75"]) == {"ann/2", "bob/1", "bob/2"}
    assert (out / "pictures" / "pixel-noise" / "tiny" / "ann" / "1.png").is_file()


def test_a_judge_sees_the_saved_copy(finished):
    """Its face found afresh, also in a JPEG of it."""
    out, arguments = finished
    tiny = load_recogniser(arguments[arguments.index("dlib") + 1])
    saved = to_bchw(read_photo(out / "pictures" / "pixel-noise" / "tiny" / "ann" / "1.png").pixels)
    seen = next(seen for seen in rows_of(out)[0]["recognisers"] if seen["name"] == tiny.name)["embedded"]
    for copy, picture in {"plain": saved, "jpeg75": real_jpeg(saved, 75)}.items():
        with torch.inference_mode():
            again = embed_largest(Ensemble([tiny]), picture)[tiny.name][0]
        assert float(again @ unpacked(seen[copy])) > 0.999


def test_tables_plot_and_sheets_are_of_the_search(finished):
    out = finished[0]
    text = (out / "results.md").read_text()
    assert "4 photos of 2 people" in text and "| pixel-noise | tiny | 2 | 2 |" in text
    assert "| pixel-noise | alike | 2 | 2 |" in text and "## Dodge" not in text
    assert (out / "results.png").is_file() and len(list((out / "sheets").iterdir())) == 2


def test_a_search_goes_on_where_it_stopped(finished, tmp_path, capsys):
    """In the middle of a line, before everybody was seen, with one of two protected."""
    out, arguments = copied(finished, tmp_path)
    whole = (out / "rows.jsonl").read_text().splitlines(keepends=True)
    (out / "rows.jsonl").write_text("".join([*whole[:3], whole[5]]) + '{"known": "ann/2", "embed')
    assert run(capsys, *arguments, "--count", "2")[0] == 0
    names = [line["known"] for line in lines(out) if "known" in line]
    assert names == ["ann/1", "bob/1", "ann/2", "bob/2"] and len(rows_of(out)) == 2
    compared = [set(line["outside"]["alike"]) for line in lines(out) if "known" in line]
    assert compared == [set(names[:index]) for index in range(4)], "every two photos once"
    before = (out / "rows.jsonl").read_text()
    assert run(capsys, *arguments, "--count", "2")[0] == 0 and (out / "rows.jsonl").read_text() == before


def test_other_rates_need_no_other_run(finished, tmp_path, capsys):
    _, arguments = copied(finished, tmp_path)
    code, out, _ = run(capsys, *arguments, "--tables-only", "--far", "1e-3")
    assert code == 0 and "FAR 1e-3" in out and "false-accept rate of 1e-3" in out


def test_results_of_pairs_and_of_a_search_are_not_mixed(finished, tmp_path, pairs, capsys):
    _, arguments = copied(finished, tmp_path)
    arguments[1] = str(pairs)
    assert "protocol search and not pairs" in refused(capsys, *arguments)
    row = rows_of(finished[0])[0]
    del row["person"]
    (tmp_path / "pairs.jsonl").write_text(json.dumps(row) + "\n")
    message = refused(capsys, *finished[1], "--tables-only", "--merge", tmp_path / "pairs.jsonl")
    assert "some of a search" in message


def test_photos_that_are_gone_need_another_folder(finished, tmp_path, people, capsys):
    _, arguments = copied(finished, tmp_path)
    arguments[1] = str(shutil.copytree(people, tmp_path / "people"))
    shutil.move(tmp_path / "people" / "bob" / "2.png", tmp_path / "people" / "bob" / "3.png")
    assert "knows photos that are not here (bob/2)" in refused(capsys, *arguments)


def test_a_photo_without_a_face_is_named_before_anything_is_protected(finished, tmp_path, people, capsys):
    folder, out = shutil.copytree(people, tmp_path / "people"), tmp_path / "new"
    Image.new("RGB", (128, 128), "grey").save(folder / "ann" / "nobody.png")
    arguments = [str(folder), "-o", str(out), *finished[1][4:]]
    assert "No face was found in ann/nobody (nobody.png)" in refused(capsys, "bench", *arguments)
    assert not rows_of(out) and not (out / "pictures").exists()


def test_decoys_are_for_pairs(finished, tmp_path, pairs, capsys):
    _, arguments = copied(finished, tmp_path)
    assert "Decoys belong to pairs" in refused(capsys, *arguments, "--decoys", pairs)


def test_one_person_alone_is_no_search(finished, tmp_path, people, capsys):
    shutil.copytree(people / "ann", tmp_path / "people" / "ann")
    assert "shows one person only" in refused(capsys, "bench", tmp_path / "people", *finished[1][2:])
