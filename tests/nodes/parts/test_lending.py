"""Example photos where the page can show them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from faceveil.nodes.parts.lending import EXAMPLES, PORTRAITS, lend, name_of

STAMP = Path(__file__).resolve().parents[3] / "training" / "stamp.py"


def test_examples_lie_where_their_names_say_and_are_put_there_once(tmp_path):
    assert lend(tmp_path) == [name_of(example) for example in EXAMPLES]
    for example in EXAMPLES:
        path = tmp_path / name_of(example).removesuffix(" [temp]")
        assert path.read_bytes() == (PORTRAITS / example).read_bytes()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    lend(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_one_that_is_gone_is_put_there_again(tmp_path):
    lend(tmp_path)
    gone = tmp_path / "faceveil" / EXAMPLES[0]
    gone.unlink()
    lend(tmp_path)
    assert gone.is_file()


def test_workflows_name_them_as_the_node_does():
    spec = importlib.util.spec_from_file_location("stamp", STAMP)
    stamp = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stamp)
    assert {example: name_of(example) for example in EXAMPLES} == stamp.EXAMPLES
