"""The README's commands: every option is one, and every photo is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from faceveil.core.cli import build_parser

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = re.findall(r"^```\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
LINES = [line for block in BLOCKS for line in block.splitlines() if line.startswith("faceveil ")]


@pytest.mark.parametrize("line", LINES)
def test_a_command_can_be_typed_as_it_stands(line):
    options = build_parser().parse_args(shlex.split(line, comments=True)[1:])
    read = [*getattr(options, "photos", []), *getattr(options, "gallery", []), *getattr(options, "decoy", [])]
    read += [getattr(options, name) for name in ("photo", "original") if hasattr(options, name)]
    for path in read:
        assert (ROOT / path).exists(), path


def test_there_are_commands_to_try():
    assert {shlex.split(line)[1] for line in LINES} >= {"protect", "verify", "recognisers", "fetch", "calibrate"}


@pytest.mark.parametrize("words", ["fetch vgg19", "--far", "--device", "--report"])
def test_what_newcomers_missed_is_explained(words):
    assert words in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_python_example_runs_as_it_stands(tmp_path, monkeypatch, capsys):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (tmp_path / "portraits").symlink_to(ROOT / "portraits")
    monkeypatch.chdir(tmp_path)
    exec(re.search(r"^```python\n(.*?)^```", readme, re.DOTALL | re.MULTILINE).group(1), {})
    assert (tmp_path / "protected.png").is_file() and "no longer matched" in capsys.readouterr().out
