"""The record of a run: what it says, to whom, and what it costs."""

from __future__ import annotations

import csv
import json
import os
import shutil
import sqlite3
import time
from contextlib import closing, suppress

import pytest
from cheap import hire, order
from commandline import refused, run
from many_photos import COUNT

from faceveil.core.errors import FaceVeilError, OutputError
from faceveil.core.images import read_photo, write_photo
from faceveil.core.many import run as running
from faceveil.core.many.ledger import DONE, FAILED, Ledger, as_columns
from faceveil.core.many.run import run as run_many


@pytest.fixture
def finished(photos, tmp_path):
    """Four photos: two done, one of them no longer matched; one failed; one waiting."""
    with closing(Ledger(tmp_path / "out" / ".faceveil", for_writing=True)) as ledger:
        ledger.expect(
            [(name, f"/in/{name}", "1:2", "same", 0) for name in ("fine.png", "bad.png", "no.png", "next.png")]
        )
        for name in ("fine.png", "bad.png", "no.png", "no.png"):
            ledger.begin(name)
        figures = {"psnr": 40.0, "ssim": 0.98, "dssim": 0.01, "chroma": 0.002}
        ledger.finish(
            "fine.png",
            state=DONE,
            seconds=4.0,
            **as_columns({**figures, "protected": 1.0, "margin": -0.1}),
            report="{}",
        )
        ledger.finish("bad.png", state=DONE, seconds=6.0, **as_columns({**figures, "protected": 0.0, "margin": 0.05}))
        ledger.finish("no.png", state=FAILED, reason="Traceback\nThere is no face.", seconds=1.0)
    return tmp_path / "out"


def test_status_counts_and_names_the_worst_first(finished, capsys):
    code, out, _ = run(capsys, "status", finished)
    assert code == 0 and "4 photos: 2 done, 1 failed, 1 waiting" in out
    assert "1 of 2 are no longer matched; 5.0 s of work for each" in out and "photos an hour" in out
    lines = out.splitlines()[out.splitlines().index("the worst cases:") + 1 :]
    assert [line.split(":")[0].strip() for line in lines] == ["no.png", "bad.png", "fine.png"]
    assert "failed after 2 tries: There is no face." in lines[0]
    assert "still matched, 0.050 above the threshold" in lines[1]
    assert "no longer matched, 0.100 below the threshold" in lines[2]
    assert len(run(capsys, "status", finished, "--worst", 1)[1].splitlines()) == len(out.splitlines()) - 2


def test_photos_that_were_only_looked_at_again_do_not_make_a_run_faster(finished):
    with closing(Ledger(finished / ".faceveil", for_writing=True)) as ledger:
        time.sleep(0.01)
        ledger.expect([(name, f"/in/{name}", "1:3", "same", 0) for name in ("fine.png", "bad.png", "next.png")])
        for name in ("fine.png", "bad.png"):
            ledger.confirm(name, content="same")
        assert ledger.rate() is None and ledger.counts() == {DONE: 2, FAILED: 1, "waiting": 1}
        time.sleep(0.05)
        ledger.finish("next.png", state=DONE, seconds=0.05)
        assert 0 < ledger.rate() <= 3600 / 0.05


def test_status_exports_all_rows(finished, tmp_path, capsys):
    assert run(capsys, "status", finished, "--csv", tmp_path / "t.csv", "--jsonl", tmp_path / "t.jsonl")[0] == 0
    rows = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    assert [(row["target"], row["state"], row["attempts"]) for row in rows] == [
        ("no.png", "failed", 2),
        ("bad.png", "done", 1),
        ("fine.png", "done", 1),
        ("next.png", "waiting", 0),
    ]
    with (tmp_path / "t.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["source"] for row in table] == [row["source"] for row in rows]
    assert table[1]["margin"] == "0.05" and table[0]["reason"] == "Traceback\nThere is no face."


def test_status_of_nothing_and_into_nowhere(finished, tmp_path, capsys):
    assert "no record of a run" in refused(capsys, "status", tmp_path / "nowhere")
    assert "--worst" in refused(capsys, "status", finished, "--worst", -1)
    assert "There is no folder" in refused(capsys, "status", finished, "--csv", tmp_path / "no" / "t.csv")


def test_a_table_never_lands_on_what_belongs_to_the_run(finished, capsys):
    ledger = finished / ".faceveil" / "ledger.sqlite"
    before = ledger.read_bytes()
    photo = "is the name of a photo"
    for path, why in ((ledger, "belongs to the run"), (finished / "fine.png", photo), ("/in/fine.png", photo)):
        assert why in refused(capsys, "status", finished, "--jsonl", path)
    assert ledger.read_bytes() == before
    text = refused(capsys, "status", finished, "--csv", finished / "t", "--jsonl", finished / "t")
    assert "another output" in text


def test_a_table_never_lands_on_a_photo_that_is_not_called_like_one(finished, tmp_path, capsys):
    odd = tmp_path / "me.txt"
    odd.write_bytes(b"an original")
    with closing(Ledger(finished / ".faceveil", for_writing=True)) as ledger:
        ledger.expect([("me.txt", str(odd), "", "same", 0)])
    for option in ("--csv", "--jsonl"):
        assert "belongs to the run" in refused(capsys, "status", finished, option, odd)
    assert odd.read_bytes() == b"an original"


def test_a_ledger_of_another_make_is_named_with_what_helps(finished, photos, capsys):
    with closing(sqlite3.connect(finished / ".faceveil" / "ledger.sqlite")) as base:
        base.execute("PRAGMA user_version = 1")
    assert "form 1 where this version of the program has 2" in refused(capsys, "status", finished)
    with pytest.raises(OutputError, match="move that folder away"):
        run_many(order(photos, finished), hire(1))


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE photos SET target = 5, margin = 'wide', state = 'failed'",
        "UPDATE photos SET attempts = 'many'",
        "UPDATE photos SET report = '[[1'",
        "UPDATE photos SET report = '[1]'",
        "UPDATE photos SET source = NULL, settings = 3.5",
        "ALTER TABLE photos DROP COLUMN made",
        "DROP TABLE runs",
        "UPDATE photos SET seconds = x'00', margin = 'a', ssim = 'b', protected = 'c'",
        "UPDATE runs SET started = 'never'",
    ],
)
def test_whatever_a_ledger_holds_is_told_in_a_sentence(finished, photos, tmp_path, capsys, harm):
    with closing(sqlite3.connect(finished / ".faceveil" / "ledger.sqlite")) as base, suppress(sqlite3.Error):
        base.execute(harm)
        base.commit()
    for arguments in ((), ("--csv", tmp_path / "t.csv"), ("--check",)):
        code, _, err = run(capsys, "status", finished, *arguments)
        assert code in (0, 2) and len(err.splitlines()) <= 1, err
    with suppress(FaceVeilError):
        run_many(order(photos / "class 0", finished, overwrite=True), hire(1))


def test_results_of_another_version_are_told(photos, tmp_path, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(running, "version", lambda: "0.0.9")
        run_many(order(photos / "class 0" / "00*.png", tmp_path / "out"), hire(1))
    text = run(capsys, "status", tmp_path / "out")[1]
    assert "3 results were made by version 0.0.9, which is not this one" in text


def test_results_are_checked_and_what_is_not_as_written_is_done_again(photos, tmp_path, capsys):
    out = tmp_path / "out"
    wanted = order(photos / "class 0" / "00*.png", out)
    run_many(wanted, hire(1))
    assert run(capsys, "status", out, "--check")[1].startswith("all results are as they were written")
    (out / "000.png").unlink()
    before = (out / "004.png").stat()
    changed = bytearray((out / "004.png").read_bytes())
    changed[-20] ^= 1
    (out / "004.png").write_bytes(changed)
    os.utime(out / "004.png", ns=(before.st_atime_ns, before.st_mtime_ns))
    (out / "008.png").write_bytes((out / "008.png").read_bytes()[:100])
    code, text, _ = run(capsys, "status", out, "--check")
    assert code == 2 and "000.png is gone" in text and "004.png is another file" in text
    assert text.startswith("3 results are not as they were written; the same command makes up for it:")
    assert "008.png is cut short (100 of " in text and "3 photos: 0 done, 0 failed, 3 waiting" in text
    assert run_many(wanted, hire(1)).done == 3
    assert run(capsys, "status", out, "--check")[0] == 0
    (out / "000.png").unlink()
    assert run(capsys, "status", out, "--check")[1].startswith("1 result is not as it was written;")


def test_status_can_be_asked_while_a_run_goes_on(photos, tmp_path, capsys):
    texts = []

    def ask(now):
        if now.done == COUNT // 2:
            texts.append(run(capsys, "status", tmp_path / "out")[1])

    run_many(order(photos, tmp_path / "out"), hire(1), ask)
    assert f"{COUNT} photos: {COUNT // 2} done, 0 failed, {COUNT // 2} waiting" in texts[0]
    assert "hours to go" in texts[0]


def test_a_damaged_ledger_is_named(tmp_path, photos):
    (tmp_path / "out" / ".faceveil").mkdir(parents=True)
    (tmp_path / "out" / ".faceveil" / "ledger.sqlite").write_bytes(b"no ledger" * 1000)
    with pytest.raises(OutputError, match=r"ledger.sqlite, is damaged .* say --overwrite") as first:
        run_many(order(photos, tmp_path / "out"), hire(1))
    # While somebody still holds the first error, and with it all that was open then.
    with pytest.raises(OutputError, match=r"ledger.sqlite, is damaged"):
        run_many(order(photos, tmp_path / "out"), hire(1))
    assert first


@pytest.mark.slow
def test_a_ledger_of_a_hundred_thousand_rows_costs_less_than_a_hundredth_of_the_work(examples, tmp_path):
    """Of the least that any work on a photo takes: to find a small portrait's face and write it. What a null job makes
    of a ledger: expected, begun, finished, and looked up by the next run."""
    from faceveil.core.faces.find import find_faces
    from faceveil.core.images import to_bchw

    rows = 100_000
    names = [f"class {index % 100}/portrait {index:06}.png" for index in range(rows)]
    report = json.dumps({"faces": [{"figure": 0.123456789}] * 40})
    begun = time.process_time()
    with closing(Ledger(tmp_path / "ledger", for_writing=True)) as ledger:
        ledger.expect((name, f"/in/{name}", "1:2", "same", 0) for name in names)
        for name in names:
            ledger.begin(name)
            ledger.finish(name, state=DONE, content="0" * 64, seconds=1.0, report=report, **as_columns({"ssim": 0.9}))
    with closing(Ledger(tmp_path / "ledger", for_writing=True)) as ledger:
        assert len(ledger.known()) == rows and ledger.counts()[DONE] == rows
        assert len(list(ledger.worst(10))) == 10
    cost = (time.process_time() - begun) / rows
    shutil.rmtree(tmp_path / "ledger")

    photo = read_photo(examples / "portrait.png")
    small = photo.with_pixels(photo.pixels[:, :256, 100:356])
    begun = time.process_time()
    for _ in range(3):
        find_faces(to_bchw(small.pixels), which="largest")
        write_photo(small, tmp_path / "again.png")
    work = (time.process_time() - begun) / 3
    assert cost < 0.01 * work, (cost, work)
