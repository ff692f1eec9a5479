"""Attacks in a bench: tried on saved pictures, joined to rows, shown on a page; two runs compared."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from commandline import refused, run
from searching import at, known, protected

from faceveil.core.bench import run as bench_run
from faceveil.core.bench.albums import albums_of, as_pairs
from faceveil.core.bench.attack_tables import attack_tables, strangers, worst_of
from faceveil.core.bench.attacking import joined
from faceveil.core.bench.difference import Difference, difference_of
from faceveil.core.bench.packing import packed
from faceveil.core.bench.page import in_html
from faceveil.core.bench.probe import search_probes
from faceveil.core.bench.rows import judged, success
from faceveil.core.errors import InputError

SHOWN = {"a/1": 0, "a/2": 40, "b/1": 180, "b/2": 190}
MOVED = {"a/1": -70, "a/2": 110, "b/1": 260, "b/2": 110}
"""Nobody is matched by another of the person any more."""


def attacked(moved, name="flip", method="m", held_out="f"):
    """What an attack leaves of photos, angle by PERSON/NAME."""
    return [
        {"attacked": [method, held_out, photo, None], "attack": name, "seen": {"j": packed(at(angle), "j")}}
        for photo, angle in moved.items()
    ]


def paired(rows, photos):
    albums = albums_of(photos)
    return [as_pairs(row, albums) for row in rows]


def test_an_attack_is_one_more_copy_of_the_rows_that_it_was_tried_on():
    rows = joined(protected(MOVED), attacked({"a/1": 0, "a/2": 40}))
    pairs = paired(rows, known(SHOWN))
    assert success(judged(pairs)).share == 1.0
    back = success(judged(pairs), "attack flip")
    assert back.share == 0.0 and back.of == 2, "only of those that it was tried on"
    assert success(judged(paired(protected(MOVED), known(SHOWN)))).share == 1.0


def test_whoever_tries_everything_takes_the_best_of_it():
    rows = joined(protected(MOVED), [*attacked({"a/1": 0}, "blur=1"), *attacked({"a/1": 170}, "blur=2")])
    pairs = worst_of(paired(rows, known(SHOWN))[:1], ["attack blur=1", "attack blur=2"])
    assert success(judged(pairs), "worst").share == 0.0


def test_an_attack_that_makes_everybody_alike_is_told_by_strangers():
    """a/1 comes to lie upon b: its own two are not matched, b's two are."""
    albums = albums_of(known(SHOWN))
    rows = joined(protected({"a/1": -70}), attacked({"a/1": 185}))
    assert strangers(rows, albums, "attack flip", "1e-2").share == 1.0
    assert strangers(rows, albums, "plain", "1e-2").share == 0.0
    text = "\n".join(attack_tables(rows, paired(rows, known(SHOWN)), albums, "1e-2"))
    assert "| flip: mirroring | 1.00" in text and "| flip: mirroring | 1.000 | 0.00 |" in text
    assert attack_tables(protected(MOVED), [], albums, "1e-2") == []


def test_a_run_against_itself_differs_by_nothing_at_all():
    rows = joined(protected(MOVED), attacked({"a/1": 0, "a/2": 40}))
    pairs = paired(rows, known(SHOWN))
    text = difference_of(pairs, pairs)
    found = re.findall(r"\| ([+-]\d\.\d\d) \(([+-]\d\.\d\d) to ([+-]\d\.\d\d)\)", text)
    assert found and {float(figure) for row in found for figure in row} == {0.0}
    assert "| m | j | flip | 0.50 | 0.50 |" in text or "| m | j | flip | 0.00 | 0.00 |" in text


def test_runs_are_compared_on_what_both_have():
    before = paired(protected({"a/1": 0, "a/2": 40, "b/1": 180}), known(SHOWN))
    after = paired(protected({"a/1": -70, "a/2": 110}), known(SHOWN))
    text = difference_of(before, after)
    assert "2 photos" in text and "| m | j | plain | 0.00 | 1.00 | +1.00 (+1.00 to +1.00) |" in text
    with pytest.raises(InputError, match="nothing to compare"):
        difference_of(before, paired(protected(MOVED, method="other"), known(SHOWN)))


def test_the_interval_draws_people_for_both_runs_alike():
    """Ten people with one photo each; one of them changes: from 0 to three of ten, and never below nothing."""
    before = {f"p{index}": (0, 1) for index in range(10)}
    one = Difference(before, before | {"p3": (1, 1)})
    assert one.value == pytest.approx(0.1) and one.interval == pytest.approx((0.0, 0.3))
    half = {f"p{index}": (index % 2, 1) for index in range(10)}
    assert Difference(half, half).interval == (0.0, 0.0), "people differ, the runs do not"


def test_a_search_probes_with_as_many_photos_as_there_are():
    """Four people at four angles: protected alike they stay apart, and one photo each is enough to name them."""
    shown = {f"{who}/{index}": 90 * number + index for number, who in enumerate("abcd") for index in range(3)}
    albums = albums_of(known(shown))
    found = [
        probe for _, probe in search_probes(protected({name: angle + 90 for name, angle in shown.items()}), albums)
    ]
    assert {(probe.photos, probe.learner) for probe in found} == {
        (n, how) for n in (1, 2) for how in ("linear", "head", "trained")
    }
    assert all(probe.clean == 1.0 and probe.people == 4 for probe in found)
    assert all(probe.trained_on_protected == probe.tested_on_protected == 0.0 for probe in found), (
        "each is the next one"
    )
    same = [probe for _, probe in search_probes(protected(shown), albums)]
    assert all(probe.trained_on_protected == probe.tested_on_protected == 1.0 for probe in same)


def test_the_pages_markdown_is_ours_and_strangers_text_stays_text():
    html = "".join(in_html("## A < B\n\n| a | **b** |\n| --- | --- |\n| <script> | 1 |\n\n- one\nmore\n- two\n\nend"))
    assert html == (
        '<h2>A &lt; B</h2><div class="wide"><table><tr><th>a</th><th><b>b</b></th></tr>'
        "<tr><td>&lt;script&gt;</td><td>1</td></tr></table></div>"
        "<ul><li>one more</li><li>two</li></ul><p>end</p>"
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory, hasty, pairs, tiny):
    from faceveil.core import cli

    out = tmp_path_factory.mktemp("attacked") / "results"
    arguments = ["bench", pairs, "-o", out, "--recognisers", "dlib", tiny, "--methods", "pixel-noise", "--count", "1"]
    arguments = [str(argument) for argument in [*arguments, "--held-out", "tiny"]]
    assert cli.main(arguments) == 0
    return out, arguments


def lines(out):
    return [json.loads(line) for line in (out / "rows.jsonl").read_text().splitlines()]


def test_saved_pictures_are_attacked_without_protecting_again(finished, tmp_path, capsys):
    out = shutil.copytree(finished[0], tmp_path / "copy")
    arguments = [str(out) if argument == str(finished[0]) else argument for argument in finished[1]]
    picture = next(out.rglob("pictures/**/*.png")).read_bytes()
    assert run(capsys, *arguments, "--attacks", "flip", "blur=1,3", "unwarp=1")[0] == 0
    tried = [line for line in lines(out) if "attacked" in line]
    assert [line["attack"] for line in tried] == ["flip", "blur=1", "blur=3", "unwarp=1"]
    assert set(tried[0]["seen"]) == {"dlib", "tiny"} and len([line for line in lines(out) if "method" in line]) == 1
    before = (out / "rows.jsonl").read_text()
    code, text, _ = run(capsys, *arguments, "--attacks", "blur=1,3", "flip", "unwarp=1")
    assert code == 0 and (out / "rows.jsonl").read_text() == before, "nothing twice"
    assert run(capsys, *arguments, "--attacks", "blur=2")[0] == 0
    assert (out / "rows.jsonl").read_text().startswith(before)
    assert next(out.rglob("pictures/**/*.png")).read_bytes() == picture
    assert "## Attacks: no longer matched" in text and "| blur=1: a blur of 1 px" in text
    assert "attack blur" not in text, "columns of posted copies are not of attacks"
    page = (out / "report.html").read_text()
    assert "<svg" in page and "data:image/png;base64," in page and "Worst cases at 100 %" in page
    assert "threads" in page and "seed" in page and "cores" in page
    assert not re.search(r"https?:|<script|<link|@import|url\(", page), "nothing comes from elsewhere"
    for end in ("table", "svg", "div", "figure", "body"):
        assert page.count(f"<{end}") == page.count(f"</{end}>")


def test_a_wrong_tool_is_named_before_anything_is_protected(finished, tmp_path, capsys, monkeypatch):
    """Hours of work would come before it was missed; tables alone need no tool."""

    def runs(*_: object) -> None:
        raise AssertionError("protected first")

    monkeypatch.setattr(bench_run, "run", runs)
    out = tmp_path / "other"
    arguments = [str(out) if argument == str(finished[0]) else argument for argument in finished[1]]
    assert "nowhere" in refused(capsys, *arguments, "--attacks", "autoencoder:nowhere=1")
    assert not out.exists()
    assert run(capsys, *finished[1], "--attacks", "autoencoder:nowhere=1", "--tables-only")[0] == 0


def test_two_runs_are_compared_from_the_command_line(finished, tmp_path, capsys):
    code, text, _ = run(capsys, "bench", "diff", finished[0], finished[0])
    assert code == 0 and "| pixel-noise | tiny | plain |" in text and "+0.00 (+0.00 to +0.00)" in text
    assert "no folder of a bench's results" in refused(capsys, "bench", "diff", finished[0], tmp_path)
    assert "faceveil bench diff" in refused(capsys, "bench", "one", "two", "-o", tmp_path / "x")
    assert "are required: -o, --recognisers" in refused(capsys, "bench", tmp_path)
    assert "no attack 'bluhr'" in refused(capsys, *finished[1], "--attacks", "bluhr")
