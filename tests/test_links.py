"""Links between our own pages lead somewhere, on the site as in the repository; nothing is asked of a network."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
TRANSLATED = set(DOCS.glob("nodes/docs/*/*.md"))
"""Help in other languages, whose pictures ComfyUI looks for where the English page lies; the site has none."""
OURS = sorted({*DOCS.rglob("*.md")} - TRANSLATED)
PAGES = sorted([*OURS, *ROOT.glob("*.md"), ROOT / "portraits" / "README.md"])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def links(page: Path) -> list[str]:
    text = re.sub(r"(?ms)^```.*?^```|`[^`\n]*`", "", page.read_text(encoding="utf-8"))
    return [link for link in LINK.findall(text) if not link.startswith(("http:", "https:", "mailto:"))]


def headings(page: Path) -> set[str]:
    """As GitHub and mkdocs make anchors of them."""
    text = re.sub(r"(?ms)^```.*?^```", "", page.read_text(encoding="utf-8"))
    titles = re.findall(r"(?m)^#+ (.*)$", text)
    return {re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", title.lower()).strip()) for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in headings(target), f"{link}: there is no such heading"
        # The site has only what lies in docs.
        assert DOCS not in page.parents or DOCS in target.parents, f"{link} leads out of the site"


def test_the_site_lists_every_page_once():
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = re.findall(r": (\S+\.md)$", text, re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert set(listed) == {str(page.relative_to(DOCS)) for page in OURS}


def test_the_readme_fits_on_a_screen_and_a_half():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 100
