"""Help pages in the languages of `locales/`: what the English page has, under the words that stand on the node."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "nodes" / "docs"
LANGUAGES = sorted(folder.name for folder in (ROOT / "locales").iterdir())
NODES = {
    *("Protect", "ApplyVeil", "LearnVeil", "SaveVeil", "LoadVeil", "LoadPortrait", "SaveProtected", "Verdict"),
    *("LoadRecogniser", "TrajectoryEditor", "GuardedSampler", "LatentOptimizer", "Learn"),
}
"""Those that most people meet."""
CASES = [(node, language) for node in sorted(NODES) for language in LANGUAGES]
PICTURE = re.compile(r"!\[[^\]]+\]\(([^)]+)\)")
IDS = re.compile(r"([^,|]+?) \(`(\w+)`\)")


def page(node: str, language: str) -> str:
    """Where the page of ComfyUI looks first; without one it shows the English page."""
    return (DOCS / f"FaceVeil{node}" / f"{language}.md").read_text(encoding="utf-8")


def english(node: str) -> str:
    return (DOCS / f"FaceVeil{node}.md").read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    """The first cells of each table, without its head."""
    tables = re.findall(r"(?m)(?:^\|.*\n?)+", text)
    return [[row.split("|")[1].strip() for row in table.splitlines()[2:]] for table in tables]


def words(node: str, language: str) -> dict:
    path = ROOT / "locales" / language / "nodeDefs.json"
    return json.loads(path.read_text(encoding="utf-8"))[f"FaceVeil{node}"]


def test_every_language_has_the_main_pages_and_no_other():
    found = {(path.parent.name.removeprefix("FaceVeil"), path.stem) for path in DOCS.glob("*/*.md")}
    assert found == set(CASES)


@pytest.mark.parametrize(("node", "language"), CASES)
def test_a_translated_page_is_built_as_the_english_one(node, language):
    theirs, ours = page(node, language), english(node)
    assert theirs.startswith(f"# {words(node, language)['display_name']}\n")
    assert re.findall(r"(?m)^#+", theirs) == re.findall(r"(?m)^#+", ours)
    assert PICTURE.findall(theirs) == PICTURE.findall(ours)
    assert len(re.findall(r"(?m)^- ", theirs)) == len(re.findall(r"(?m)^- ", ours)) == 3
    counted = [[len(cell.split(",")) for cell in table] for table in rows(theirs)]
    assert counted == [[len(cell.split(",")) for cell in table] for table in rows(ours)]


@pytest.mark.parametrize(("node", "language"), CASES)
def test_inputs_are_called_as_on_the_node(node, language):
    known = words(node, language)
    inputs = {name: given["name"] for name, given in known["inputs"].items()}
    outputs = {given["name"] for given in known["outputs"].values()} if known.get("outputs") else set()
    tables = rows(page(node, language))
    for at, table in enumerate(tables):
        pairs = [pair for cell in table for pair in IDS.findall(cell)]
        assert len(pairs) == sum(len(cell.split(",")) for cell in table)
        for label, name in pairs:
            assert label.strip() in (outputs if at else {inputs[name]}), (label, name)
    assert not tables or {name for cell in tables[0] for _, name in IDS.findall(cell)} <= set(inputs)


@pytest.mark.parametrize("language", LANGUAGES)
def test_other_nodes_are_called_as_they_are_in_the_search(language):
    path = ROOT / "locales" / language / "nodeDefs.json"
    names = {each["display_name"] for each in json.loads(path.read_text(encoding="utf-8")).values()}
    spoken = {name for node in NODES for name in re.findall(r"\*\*([^*]+)\*\*", page(node, language))}
    assert len(spoken & names) > 8
