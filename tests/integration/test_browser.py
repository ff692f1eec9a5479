"""The real page in a headless Chromium: what an artist clicks, sees and reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from .browser import MISSING, OPEN, PACK, QUEUED, RUN, SEARCH, WORKFLOWS, browse, lacking, opened, place, show
from .comfy import PATIENCE, PROMPT_SECONDS, ROOT, Comfy
from .conftest import refuse
from .since import (
    skip_where_a_node_is_lacking,
    skip_where_aliases_are_lacking,
    skip_where_apps_are_lacking,
    skip_where_blueprints_are_lacking,
)
from .test_nodes import BLUEPRINTS, NODES, prompt_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.integration
APP = ROOT / "workflows" / "02_protect.app.json"


@pytest.fixture(scope="module")
def page(comfy: Comfy) -> Iterator[Page]:
    if reason := lacking():
        refuse(reason)
    with opened(comfy) as page:
        yield page


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("screenshots")


def test_the_template_browser_lists_the_packs_workflows_with_pictures_and_opens_one(page, portrait, shots):
    browse(page)
    page.screenshot(path=shots / "templates.png")
    page.get_by_text("01_protect_any_image", exact=True).first.click(timeout=90_000 * PATIENCE)
    page.wait_for_function("() => app.graph.nodes.some(n => n.type === 'FaceVeilProtect')", timeout=90_000 * PATIENCE)
    page.get_by_text("All Templates", exact=True).wait_for(state="hidden", timeout=90_000 * PATIENCE)


def test_what_a_newcomer_types_finds_protect_portrait_first(page):
    skip_where_aliases_are_lacking()
    for sought in ("face privacy", "anonymize", "cloak", "hide my face", "blur face"):
        page.evaluate(SEARCH)
        words = page.locator("input:focus")
        words.fill(sought)
        first = page.get_by_role("option").first
        page.wait_for_timeout(1500)
        assert first.inner_text().startswith("Protect Portrait"), sought
        page.keyboard.press("Escape")
        words.wait_for(state="hidden")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_opens_with_no_node_missing_and_is_queued_as_saved(page, comfy, portrait, shots, path):
    skip_where_a_node_is_lacking(path)
    show(page, path)
    page.screenshot(path=shots / f"{path.stem}.png")
    assert page.evaluate(MISSING) == []
    queued = json.loads(page.evaluate(QUEUED))
    saved = prompt_of(json.loads(path.read_text()), comfy.get("/object_info"))
    assert set(queued) == set(saved)
    for name, each in saved.items():
        # Nodes that show text queue what they show as well.
        given = {key: value for key, value in queued[name]["inputs"].items() if not key.startswith("preview")}
        assert given == each["inputs"], each["class_type"]


@pytest.mark.parametrize("path", BLUEPRINTS, ids=lambda path: path.stem)
def test_a_blueprint_of_the_node_library_is_put_into_a_graph_and_is_whole(page, comfy, shots, path):
    skip_where_blueprints_are_lacking()
    page.evaluate(OPEN, ['{"nodes": [], "links": [], "version": 0.4}', "empty"])
    place(page, path.stem)
    page.screenshot(path=shots / f"{path.stem}.png")
    inside = page.evaluate("() => app.graph.nodes.flatMap(n => n.subgraph.nodes.map(i => i.type))")
    (whole,) = json.loads(path.read_text())["definitions"]["subgraphs"]
    assert sorted(inside) == sorted(each["type"] for each in whole["nodes"])
    assert set(inside) <= set(comfy.get("/object_info"))
    queued = json.loads(page.evaluate(QUEUED))
    assert sorted(each["class_type"] for each in queued.values()) == sorted(inside)


def test_protect_any_image_runs_and_the_page_shows_the_verdict(page, portrait, shots):
    show(page, ROOT / "workflows" / "01_protect_any_image.json")
    done = page.evaluate(RUN, PROMPT_SECONDS * 1000)
    page.wait_for_timeout(2500)
    page.screenshot(path=shots / "protected.png")
    assert done["status"] == "execution_success", done
    texts = [text for output in done["outputs"].values() for text in output.get("text", [])]
    assert any("no longer matched" in text for text in texts)
    page.get_by_role("slider", name="How much of the picture before is shown").wait_for()
    assert "2 of 2 recognisers no longer know you" in page.locator(".faceveil-view").get_by_role("status").inner_text()
    # Each of these draws a picture.
    drawn = page.evaluate("() => app.graph.nodes.filter(n => n.imgs?.length).map(n => n.type)")
    assert {"FaceVeilLoadPortrait", "FaceVeilSaveProtected", "FaceVeilVerdict"} <= set(drawn)


@pytest.mark.usefixtures("short")
def test_the_app_says_whether_it_worked_and_its_button_downloads_the_copy(page, comfy, shots):
    skip_where_apps_are_lacking()
    page.evaluate(OPEN, [APP.read_text(), APP.stem])
    button = page.get_by_role("button", name="Download", exact=True)
    assert page.evaluate(RUN, PROMPT_SECONDS * 1000)["status"] == "execution_success"
    button.wait_for()
    page.screenshot(path=shots / "app.png")
    panel = page.get_by_test_id("linear-widgets")
    assert re.search("[012] of 2 recognisers no longer know you", panel.get_by_role("status").inner_text())
    # Nothing else to choose from in the row below.
    assert page.get_by_test_id("linear-image-output").count() == 1
    with page.expect_download() as started:
        button.click()
    assert parse_qs(urlsplit(started.value.url).query)["subfolder"] == ["faceveil"]
    assert started.value.suggested_filename.startswith("protected_")


def test_every_node_of_the_page_has_its_help(page, comfy):
    """At the address that the page asks for when somebody opens a node's help."""
    names = page.evaluate("() => Object.keys(LiteGraph.registered_node_types).filter(n => n.startsWith('FaceVeil'))")
    assert set(names) == NODES
    for name in names:
        answer = page.request.get(f"http://{comfy.address}/extensions/{PACK}/docs/{name}.md")
        assert answer.ok and answer.text().startswith("# ")
