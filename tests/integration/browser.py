"""The real page of a running ComfyUI in a headless Chromium, which reaches nothing but its own server."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from .comfy import PATIENCE, ROOT, Comfy

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

PACK = "ComfyUI-FaceVeil"
WORKFLOWS = sorted((ROOT / "workflows").glob("*.json"))
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
SETTINGS = {
    "Comfy.TutorialCompleted": True,
    "Comfy.Workflow.ShowMissingModelsWarning": False,
    "Comfy.Notification.ShowVersionUpdates": False,
    "Comfy.OnboardingCoachmarks.Seen": ["appMode"],
    "Comfy.Minimap.Visible": False,
    "Comfy.VueNodes.Enabled": False,
    "Comfy.ColorPalette": "dark",
    "Comfy.Locale": "en",
    # Text on nodes however small they are drawn.
    "LiteGraph.Canvas.MinFontSizeForLOD": 0,
}
READY = "() => window.app?.graph && app.extensionManager && Object.keys(LiteGraph.registered_node_types).length > 100"
OPEN = "async ([graph, name]) => { await app.loadGraphData(JSON.parse(graph), true, true, name); }"
# Not `has_errors`: newer pages set it where a photo or a model is missing, which is no fault of the graph.
MISSING = "() => app.graph.nodes.filter(n => !LiteGraph.registered_node_types[n.type]).map(n => n.type)"
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
SEARCH = "() => { app.extensionManager.command.execute('Workspace.SearchBox.Toggle'); }"
BROWSE = "() => { app.extensionManager.command.execute('Comfy.BrowseTemplates'); }"


def lacking() -> str:
    """What has to be installed before the page can be opened; empty when nothing has."""
    if chromium() is None:
        return "there is no chromium on the path: install your distribution's"
    if importlib.util.find_spec("playwright") is None:
        return "the package playwright is missing: pip install playwright"
    return ""


def chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def opened(comfy: Comfy, settings: Mapping[str, object] = MappingProxyType({})) -> Iterator[Page]:
    """ComfyUI's page, ready to be used; `settings` of its own count until it is opened again without them."""
    from playwright.sync_api import sync_playwright

    def only_here(route: Route) -> None:
        address = route.request.url
        if address.startswith((f"http://{comfy.address}/", f"ws://{comfy.address}/", "data:", "blob:")):
            route.continue_()
        else:
            route.abort()

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), headless=True, args=OPTIONS)
        # High enough for all of our workflows at once: their pictures are fetched as they come into view.
        page = browser.new_context(viewport={"width": 1800, "height": 1500}).new_page()
        page.set_default_timeout(30_000 * PATIENCE)
        page.route("**/*", only_here)
        answer = page.request.post(f"http://{comfy.address}/api/settings", data={**SETTINGS, **settings})
        assert answer.ok
        page.goto(f"http://{comfy.address}/", wait_until="domcontentloaded", timeout=120_000 * PATIENCE)
        page.wait_for_function(READY, timeout=120_000 * PATIENCE)
        yield page
        browser.close()


def show(page: Page, path: Path) -> None:
    """Open a workflow file and bring all of it into view."""
    page.evaluate(OPEN, [path.read_text(), path.stem])
    page.wait_for_timeout(500)
    page.evaluate(FIT)
    page.wait_for_timeout(1000)


def place(page: Page, name: str) -> None:
    """Look for a node by its name, take the first that is found, and put it into the middle of the graph."""
    page.evaluate(SEARCH)
    words = page.locator("input:focus")
    words.wait_for(timeout=30_000 * PATIENCE)
    words.fill(name)
    page.wait_for_timeout(1000)
    words.press("Enter")
    page.wait_for_function("() => app.graph.nodes.length > 0", timeout=30_000 * PATIENCE)
    page.mouse.click(900, 700)
    page.wait_for_timeout(500)


def browse(page: Page) -> None:
    """Open the template browser at our section, with all of its pictures."""
    page.evaluate(BROWSE)
    page.get_by_text(PACK, exact=True).first.click(timeout=90_000 * PATIENCE)
    for path in WORKFLOWS:
        page.get_by_text(path.stem, exact=True).first.wait_for(timeout=90_000 * PATIENCE)
    page.wait_for_function(PICTURES, arg=len(WORKFLOWS), timeout=90_000 * PATIENCE)
