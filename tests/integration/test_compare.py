"""Before and after in the node, on the real page: seen, reached by keyboard, one picture of a batch at a time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from .browser import QUEUED, RUN, lacking, opened, show
from .comfy import PROMPT_SECONDS, ROOT, Comfy
from .conftest import refuse
from .since import skip_where_nodes_2_are_on_trial

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.integration, pytest.mark.slow]

FIRST = ROOT / "workflows" / "01_protect_any_image.json"
NODE = "app.graph.nodes.find(n => n.type === 'FaceVeilProtect')"
SHOW = f"(result) => {NODE}.onExecuted({{ faceveil: result }})"
PLACE = f"() => {NODE}.pos.join()"
# As a run would: newer pages keep a tab's outputs in one place when it is left, older ones in the other as they come.
RAN = """(all) => {
    app.nodeOutputs = all;
    app.extensionManager.workflow.activeWorkflow.changeTracker.nodeOutputs = all;
}"""


@pytest.fixture(scope="module", params=[False, True], ids=["canvas", "Nodes 2.0"])
def page(comfy: Comfy, request: pytest.FixtureRequest) -> Iterator[Page]:
    if reason := lacking():
        refuse(reason)
    if request.param:
        skip_where_nodes_2_are_on_trial()
    with opened(comfy, {"Comfy.VueNodes.Enabled": request.param}) as page:
        show(page, FIRST)
        yield page


def result(comfy: Comfy, state: str = "hidden", after: float = 0.1) -> dict:
    for name, colour in (("before", "red"), ("after", "blue")):
        Image.new("RGB", (64, 64), colour).save(comfy.base / "temp" / f"{name}.png")
    views = {
        f"{close}{name}": {"filename": f"{name}.png", "subfolder": "", "type": "temp"}
        for close in ("", "close_")
        for name in ("before", "after")
    }
    bar = {"name": "sface", "judge": False, "threshold": 0.33, "before": 1, "after": after, "copy": "plain"}
    rows = [[{**bar, "state": "hidden" if after < 0.33 else "matched"}, {**bar, "name": "other", "state": "hidden"}]]
    counts = {"matched_before": 2, "hidden": 2 if after < 0.33 else 1}
    return {"verdict": {"state": state, **counts, "faces": rows}, "views": views}


def test_the_slider_is_moved_by_keys_and_pointer_and_the_node_stays_where_it_is(page, comfy):
    page.evaluate(SHOW, [result(comfy)])
    slider = page.get_by_role("slider", name="How much of the picture before is shown")
    slider.focus()
    before = page.evaluate(PLACE)
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "53 % before"
    box = slider.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.3)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] * 0.4, steps=3)
    page.mouse.up()
    assert slider.get_attribute("aria-valuetext") == "20 % before"
    assert page.evaluate(PLACE) == before
    assert page.get_by_alt_text("The picture before").evaluate("e => e.style.clipPath") == "inset(0px 80% 0px 0px)"
    assert (
        page.locator(".faceveil-view").get_by_role("status").inner_text() == "✓ 2 of 2 recognisers no longer know you"
    )


def test_a_batch_is_turned_over_and_a_failure_is_in_words_and_in_another_colour(page, comfy):
    page.evaluate(SHOW, [result(comfy), result(comfy, "partly", 0.5)])
    status = page.locator(".faceveil-view").get_by_role("status")
    good = status.evaluate("e => getComputedStyle(e).backgroundColor")
    page.get_by_role("button", name="Next picture").click()
    for text in ("2 of 2", "still knows you"):
        assert page.get_by_text(text, exact=True).is_visible()
    assert status.inner_text() == "⚠ 1 of 2 recognisers no longer know you"
    assert status.evaluate("e => getComputedStyle(e).backgroundColor") != good


def test_the_worst_place_is_as_large_on_the_screen_however_the_canvas_is_zoomed(page, comfy):
    page.evaluate(SHOW, [result(comfy)])
    page.get_by_role("button", name="Worst place, 100 %").click()
    page.wait_for_function(
        "() => Math.abs(getComputedStyle(document.querySelector('.faceveil-before')).zoom * app.canvas.ds.scale"
        " * devicePixelRatio - 1) < 0.01"
    )


def test_the_view_is_no_part_of_what_is_queued_or_saved(page, comfy):
    page.evaluate(SHOW, [result(comfy)])
    (queued,) = [each for each in json.loads(page.evaluate(QUEUED)).values() if each["class_type"] == "FaceVeilProtect"]
    assert "faceveil_view" not in queued["inputs"]
    saved = page.evaluate(f"() => JSON.stringify({NODE}.serialize().widgets_values)")
    assert json.loads(saved) == ["balanced", 0, "fixed", "all", "1e-2", True]


def test_another_tab_and_back_shows_it_again_without_a_run(page, comfy):
    output = {"3": {"faceveil": [result(comfy)]}}
    page.evaluate(RAN, output)
    page.evaluate(SHOW, output["3"]["faceveil"])
    show(page, ROOT / "workflows" / "05_edit_and_protect_demo.json")
    assert page.locator(".faceveil-view:visible").count() == 0
    page.get_by_text(FIRST.stem).first.click()
    page.get_by_text("✓ 2 of 2 recognisers no longer know you").wait_for()


def test_what_an_older_or_stranger_pack_sends_costs_the_page_nothing(page):
    page.evaluate(f"() => {{ {NODE}.onExecuted({{}}); {NODE}.onExecuted({{ faceveil: [] }}) }}")


@pytest.mark.usefixtures("short")
# On the canvas test_browser.py runs the same workflow.
@pytest.mark.parametrize("page", [True], indirect=True, ids=["Nodes 2.0"])
def test_a_run_ends_with_before_and_after_instead_of_the_live_preview(page):
    page.evaluate(f"() => {{ {NODE}.widgets.find(w => w.name === 'strength').value = 'light' }}")
    done = page.evaluate(RUN, PROMPT_SECONDS * 1000)
    assert done["status"] == "execution_success", done
    # The whole picture or its worst place, whichever was chosen last; those of the tests before are smaller.
    page.wait_for_function("() => document.querySelector('.faceveil-before')?.naturalWidth >= 320")
    page.get_by_text(re.compile(r"^. [012] of 2 recognisers no longer know you")).wait_for()
    assert page.evaluate(f"() => {NODE}.imgs ?? null") is None
