"""The real page in a headless Chromium: what an artist clicks, sees and reads."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .comfy import PROMPT_SECONDS, ROOT, Comfy
from .conftest import refuse
from .test_nodes import NODES, prompt_of

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.integration

PACK = "ComfyUI-FaceVeil"
WORKFLOWS = sorted((ROOT / "workflows").glob("*.json"))
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
SETTINGS = {
    "Comfy.TutorialCompleted": True,
    "Comfy.Workflow.ShowMissingModelsWarning": False,
    "Comfy.Notification.ShowVersionUpdates": False,
    "Comfy.Minimap.Visible": False,
    # Text on nodes however small they are drawn.
    "LiteGraph.Canvas.MinFontSizeForLOD": 0,
}
READY = "() => window.app?.graph && app.extensionManager && Object.keys(LiteGraph.registered_node_types).length > 100"
OPEN = "async ([graph, name]) => { await app.loadGraphData(JSON.parse(graph), true, true, name); }"
MISSING = "() => app.graph.nodes.filter(n => n.has_errors || !LiteGraph.registered_node_types[n.type]).map(n => n.type)"
QUEUED = "async () => JSON.stringify((await app.graphToPrompt()).output)"
RUN = """(limit) => new Promise((done) => {
    const outputs = {};
    setTimeout(() => done({status: "timeout", outputs}), limit);
    app.api.addEventListener("executed", (e) => { outputs[e.detail.node] = e.detail.output; });
    for (const kind of ["execution_success", "execution_error", "execution_interrupted"])
        app.api.addEventListener(kind, (e) => done({status: kind, outputs, detail: JSON.stringify(e.detail)}));
    app.queuePrompt(0, 1);
})"""
FIT = "() => app.extensionManager.command.execute('Comfy.Canvas.FitView')"
# The stand-in for a thumbnail that cannot be had is no blob.
PICTURES = "(n) => [...document.images].filter(i => i.src.startsWith('blob:') && i.naturalWidth > 300).length >= n"
BROWSE = "() => { app.extensionManager.command.execute('Comfy.BrowseTemplates'); }"


@pytest.fixture(scope="module")
def page(comfy: Comfy) -> Iterator[Page]:
    """ComfyUI's page, which reaches nothing but its own server."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        refuse("there is no chromium on the path: install your distribution's")
    if importlib.util.find_spec("playwright") is None:
        refuse("the package playwright is missing: pip install playwright")
    from playwright.sync_api import sync_playwright

    def only_here(route: Route) -> None:
        address = route.request.url
        if address.startswith((f"http://{comfy.address}/", f"ws://{comfy.address}/", "data:", "blob:")):
            route.continue_()
        else:
            route.abort()

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=OPTIONS)
        # High enough for all of our workflows at once: their pictures are fetched as they come into view.
        page = browser.new_context(viewport={"width": 1800, "height": 1500}).new_page()
        page.route("**/*", only_here)
        answer = page.request.post(f"http://{comfy.address}/api/settings", data=SETTINGS)
        assert answer.ok
        page.goto(f"http://{comfy.address}/", wait_until="domcontentloaded", timeout=120_000)
        page.wait_for_function(READY, timeout=120_000)
        yield page
        browser.close()


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("screenshots")


def show(page: Page, path: Path) -> None:
    """Open a workflow file and bring all of it into view."""
    page.evaluate(OPEN, [path.read_text(), path.stem])
    page.wait_for_timeout(500)
    page.evaluate(FIT)
    page.wait_for_timeout(1000)


def test_the_template_browser_lists_the_packs_workflows_with_pictures_and_opens_one(page, portrait, shots):
    page.evaluate(BROWSE)
    page.get_by_text(PACK, exact=True).first.click(timeout=15_000)
    for path in WORKFLOWS:
        page.get_by_text(path.stem, exact=True).first.wait_for(timeout=15_000)
    page.wait_for_function(PICTURES, arg=len(WORKFLOWS), timeout=15_000)
    page.screenshot(path=shots / "templates.png")
    page.get_by_text("protect_any_image", exact=True).first.click(timeout=15_000)
    page.wait_for_function("() => app.graph.nodes.some(n => n.type === 'FaceVeilProtect')", timeout=15_000)
    page.get_by_text("All Templates", exact=True).wait_for(state="hidden", timeout=15_000)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_opens_with_no_node_missing_and_is_queued_as_saved(page, comfy, portrait, shots, path):
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


def test_protect_any_image_runs_and_the_page_shows_the_verdict(page, portrait, shots):
    show(page, ROOT / "workflows" / "protect_any_image.json")
    done = page.evaluate(RUN, PROMPT_SECONDS * 1000)
    page.wait_for_timeout(2500)
    page.screenshot(path=shots / "protected.png")
    assert done["status"] == "execution_success", done
    texts = [text for output in done["outputs"].values() for text in output.get("text", [])]
    assert any("no longer matched" in text for text in texts)
    # Load Image, Save Image and the verdict each draw a picture.
    drawn = page.evaluate("() => app.graph.nodes.filter(n => n.imgs?.length).map(n => n.type)")
    assert {"LoadImage", "SaveImage", "FaceVeilVerdict"} <= set(drawn)


def test_every_node_of_the_page_has_its_help(page, comfy):
    """At the address that the page asks for when somebody opens a node's help."""
    names = page.evaluate("() => Object.keys(LiteGraph.registered_node_types).filter(n => n.startsWith('FaceVeil'))")
    assert set(names) == NODES
    for name in names:
        answer = page.request.get(f"http://{comfy.address}/extensions/{PACK}/docs/{name}.md")
        assert answer.ok and answer.text().startswith("# ")
