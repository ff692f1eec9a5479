"""A whole small run, from the command line: rows, tables, plot, sheets; stopped and gone on with; bad input."""

from __future__ import annotations

import json
import shutil

import pytest
from commandline import refused, run


def rows_of(out):
    return [row for row in map(json.loads, (out / "rows.jsonl").read_text().splitlines()) if "about" not in row]


def copied(finished, tmp_path):
    """The finished run's folder and arguments, to do things to."""
    out = shutil.copytree(finished[0], tmp_path / "copy")
    return out, [str(out) if argument == str(finished[0]) else argument for argument in finished[1]]


@pytest.fixture(scope="module")
def begun(tmp_path_factory, hasty, pairs, tiny):
    """Only the first photo; nobody adds to it."""
    from faceveil.core import cli

    out = tmp_path_factory.mktemp("bench") / "begun"
    arguments = ["bench", pairs, "-o", out, "--recognisers", "dlib", tiny, "--methods", "pixel-noise"]
    arguments = [str(argument) for argument in arguments]
    assert cli.main([*arguments, "--count", "1"]) == 0
    return out, arguments


@pytest.fixture(scope="module")
def finished(tmp_path_factory, begun):
    """The same, gone on with."""
    from faceveil.core import cli

    out, arguments = copied(begun, tmp_path_factory.mktemp("bench"))
    assert cli.main(arguments) == 0
    return out, arguments


def test_every_family_is_left_out_once_and_judges(begun):
    rows = rows_of(begun[0])
    assert {row["held_out"] for row in rows} == {"dlib", "tiny"} and len(rows) == 2
    for row in rows:
        roles = {seen["family"]: seen["role"] for seen in row["recognisers"]}
        assert roles == {"dlib": "surrogate", "tiny": "surrogate"} | {row["held_out"]: "judge"}
        assert set(row["recognisers"][0]["after"]) >= {"plain", "jpeg75", "jpeg50", "webp75", "half", "blur", "mean5"}
        assert row["evaluations"]["recogniser"] > 0 and row["cpu_seconds"] > 0 and row["peak_mb"] > 100


def test_a_run_goes_on_where_it_stopped(begun, finished, capsys):
    out, arguments = begun
    before = (out / "rows.jsonl").read_text()
    assert run(capsys, *arguments, "--count", "1")[0] == 0
    assert (out / "rows.jsonl").read_text() == before
    assert (finished[0] / "rows.jsonl").read_text().startswith(before) and len(rows_of(finished[0])) == 4


def test_a_run_goes_on_after_a_crash_in_the_middle_of_its_first_result(begun, tmp_path, capsys):
    """With whatever settings: no result of the others is there."""
    out, arguments = copied(begun, tmp_path)
    arguments += ["--count", "1", "--held-out", "tiny"]
    rows = out / "rows.jsonl"
    about = json.loads(rows.read_text().splitlines()[0])["about"]
    rows.write_text(json.dumps({"about": about | {"seed": 1}}) + '\n{"method": "pixel-no')
    assert run(capsys, *arguments)[0] == 0
    written = rows.read_text()
    assert len(rows_of(out)) == 1 and len(written.splitlines()) == 3
    assert run(capsys, *arguments)[0] == 0 and rows.read_text() == written


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (["--seed", "1"], "seed 0 and not 1"),
        (["--recognisers", "tiny.onnx", "dlib"], "recognisers [dlib, tiny] and not [tiny, dlib]"),
        (["--judge", "service.py:alike"], "judges [] and not [alike]"),
    ],
)
def test_results_of_other_settings_are_not_mixed(begun, tmp_path, tiny, capsys, changed, sentence):
    out, arguments = copied(begun, tmp_path)
    (tmp_path / "service.py").write_text("def alike(one, other):\n    return 0.0\n")
    changed = [{"tiny.onnx": str(tiny), "service.py:alike": f"{tmp_path}/service.py:alike"}.get(c, c) for c in changed]
    before = (out / "rows.jsonl").read_text()
    message = refused(capsys, *arguments, "--count", "1", *changed)
    assert sentence in message and "name another folder" in message
    assert (out / "rows.jsonl").read_text() == before


def test_results_that_do_not_say_all_their_settings_are_gone_on_with(begun, tmp_path, capsys):
    """As those of older versions do not."""
    out, arguments = copied(begun, tmp_path)
    first, *rest = (out / "rows.jsonl").read_text().splitlines(keepends=True)
    about = json.loads(first)["about"]
    older = {"about": {name: about[name] for name in ("recognisers", "seed", "device", "jobs")}}
    (out / "rows.jsonl").write_text("".join([json.dumps(older) + "\n", *rest[:2]]))
    assert run(capsys, *arguments, "--count", "1")[0] == 0
    assert "seed 0 and not 1" in refused(capsys, *arguments, "--count", "1", "--seed", "1")


def test_tables_of_other_machines_results_go_into_a_new_folder(begun, tmp_path, capsys):
    rows = begun[0] / "rows.jsonl"
    arguments = [str(tmp_path / "a" / "b") if argument == str(begun[0]) else argument for argument in begun[1]]
    code, out, _ = run(capsys, *arguments, "--tables-only", "--merge", rows)
    assert code == 0 and "| pixel-noise | dlib |" in out and (tmp_path / "a" / "b" / "results.png").is_file()
    assert "no file missing.jsonl" in refused(capsys, *arguments, "--tables-only", "--merge", rows, "missing.jsonl")
    (tmp_path / "file").touch()
    arguments[arguments.index("-o") + 1] = str(tmp_path / "file")
    assert "cannot be written" in refused(capsys, *arguments, "--tables-only", "--merge", rows)


def test_tables_plot_and_sheets_are_made_of_the_rows(finished):
    out = finished[0]
    text = (out / "results.md").read_text()
    assert "| pixel-noise | dlib | 2 | 2 |" in text and "landmark shift" in text
    assert (out / "results.png").stat().st_size > 10_000
    assert {path.name for path in (out / "sheets").iterdir()} == {
        "pixel-noise-visibility.jpg",
        "pixel-noise-failure.jpg",
    }


def test_a_photo_that_fails_is_named_and_the_rest_goes_on(tmp_path, hasty, pairs, tiny, capsys):
    from PIL import Image

    folder = tmp_path / "pairs"
    shutil.copytree(pairs, folder)
    for side in "ab":
        Image.new("RGB", (128, 128), "grey").save(folder / side / "nobody.png")
    arguments = ["--recognisers", "dlib", tiny, "--methods", "pixel-noise", "--held-out", "tiny"]
    (folder / "a" / "one.jpg").unlink()
    code, out, err = run(capsys, "bench", folder, "-o", tmp_path / "out", *arguments)
    assert code == 2 and "nobody.png" in err and "| pixel-noise | tiny | 1 |" in out


def test_the_decoy_protocol_judges_by_a_photo_that_was_never_seen(tmp_path, hasty, pairs, tiny, capsys):
    arguments = ["--recognisers", "dlib", tiny, "--methods", "pixel-noise", "--held-out", "tiny"]
    code, out, _ = run(capsys, "bench", pairs, "-o", tmp_path / "out", *arguments, "--decoys", pairs, "--count", "1")
    towards = [row for row in rows_of(tmp_path / "out") if row["decoy"]]
    assert code == 0 and {row["decoy"] for row in towards} == {"one", "two"} and "## Decoy" in out
    assert all("decoy_after" in seen for row in towards for seen in row["recognisers"])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (["--methods", "nonsense"], "no recipe 'nonsense'"),
        (["--held-out", "nobody"], "Leaving out the family 'nobody'"),
        (["--recognisers", "dlib"], "Leaving out the family 'dlib'"),
        (["--jobs", "0"], "--jobs and --count"),
        (["--judge", "nothing"], "names no function"),
    ],
)
def test_bad_input_is_one_sentence(begun, tmp_path, capsys, changed, message):
    _, arguments = begun
    arguments = [str(tmp_path / "new") if argument == str(begun[0]) else argument for argument in arguments]
    assert message in refused(capsys, *arguments, *changed)


def test_a_folder_that_cannot_be_written_is_named(begun, tmp_path, capsys):
    taken = tmp_path / "file"
    taken.write_text("")
    arguments = [str(taken) if argument == str(begun[0]) else argument for argument in begun[1]]
    assert "cannot be written" in refused(capsys, *arguments)
