"""What is said survives every terminal, and names say nothing but themselves."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import shortening
from commandline import refused, run

from faceveil.core.plain import plain
from faceveil.core.verdict.facts import FaceVerdict, Quality, RecogniserVerdict
from faceveil.core.verdict.report import Report

QUICK = f"""
import sys
sys.path.insert(0, {str(Path(shortening.__file__).parent)!r})
from shortening import cut_short
from faceveil.core import cli
from faceveil.core.methods import recipes
cut_short(recipes, 1)
sys.exit(cli.main(sys.argv[1:]))
"""
FORGED = "me\nfaceveil: all is well\x1b[2J\x1b]0;owned\x07\u202egnp.png"


def whole_command(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"):
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    words = [sys.executable, "-c", QUICK, *map(os.fspath, arguments)]
    return subprocess.run(words, stdout=stdout, stderr=stderr, env=environment, check=False)


def test_names_cannot_move_the_cursor_nor_begin_a_line(capsys, quick, portrait, faceless, tmp_path):
    forged = Path(shutil.copy(portrait, tmp_path / FORGED))
    code, out, err = run(capsys, "protect", forged, "-o", tmp_path / "o.png")
    assert code == 0
    sky = Path(shutil.copy(faceless, tmp_path / f"sky{FORGED}"))
    folder = tmp_path / "photos"
    folder.mkdir()
    sky.rename(folder / sky.name)
    texts = [out, err, refused(capsys, "protect", folder / sky.name, "-o", tmp_path / "p.png")]
    texts += run(capsys, "protect", folder, "-o", tmp_path / "out")[1:]
    texts += run(capsys, "status", tmp_path / "out")[1:]
    for text in texts:
        assert not any(line.startswith("faceveil: all is well") for line in text.splitlines())
        assert all(line.isprintable() for line in text.split("\n"))


def test_a_recognisers_name_is_one_word_among_others():
    row = RecogniserVerdict("x\nno longer matched", "f", "judge", "1e-2", 0.5, 1, 1, 1, 1, 1, True, True)
    report = Report([FaceVerdict((0, 0, 9, 9), (row,), Quality(40, 0.9, None, None, 0.1, 0.1, 0))])
    assert not any(line.startswith("no longer") for line in report.text().splitlines())
    assert plain("a\x1b[1mb\udcff\u200b\tc") == "a?[1mb???c"


def test_an_encoding_that_lacks_a_letter_costs_nothing(portrait, tmp_path):
    for number, name in enumerate([b"pl\xc3\xa4in \xe2\x9c\x82.png", b"\xff\xfe.png"]):
        photo = shutil.copy(portrait, tmp_path / os.fsdecode(name))
        report = tmp_path / f"{number}.json"
        target = tmp_path / f"{number}.png"
        words = ("protect", photo, "-o", target, "--surrogate", "dlib", "--report", report)
        done = whole_command(*words, encoding="cp1252")
        assert done.returncode == 0 and target.is_file() and b"face 0 at" in done.stdout, done.stderr
        assert json.loads(report.read_text())["faces"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_full_output_loses_no_report(portrait, tmp_path):
    report = tmp_path / "r.json"
    with Path("/dev/full").open("w") as full:
        words = ("protect", portrait, "-o", tmp_path / "o.png", "--surrogate", "dlib", "--report", report)
        done = whole_command(*words, stdout=full)
        assert done.returncode == 2 and done.stderr.startswith(b"faceveil: What there was to say could not be printed")
        assert len(done.stderr.splitlines()) == 1
        assert (tmp_path / "o.png").is_file() and json.loads(report.read_text())["faces"]
        done = whole_command("recognisers", stdout=full, stderr=full)
        assert done.returncode == 2


def test_nobody_need_listen(portrait, tmp_path):
    words = [sys.executable, "-c", QUICK, "protect", str(portrait), "-o", str(tmp_path / "o.png")]
    shell = ["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *words, "--surrogate", "dlib"]
    assert subprocess.run(shell, check=False).returncode == 0 and (tmp_path / "o.png").is_file()
    with subprocess.Popen([*words[:3], "recognisers"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.wait() == 141 and not process.stderr.read()
