"""`python -m tests.integration.help_pictures [NODE ...]`: remake the pictures of the help pages in a real ComfyUI.

Each node as the page draws it, with "Modern Node Design"; those of the first workflow after a run, for what they show
then is what they are for.
"""

from __future__ import annotations

import sys
import tempfile
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from .browser import RUN, opened, show
from .comfy import PROMPT_SECONDS, ROOT, Comfy, running

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER = ROOT / "docs" / "nodes" / "docs" / "pictures"
COLOURS = 256
AFTER_A_RUN = {"FaceVeilProtect", "FaceVeilSaveProtected", "FaceVeilVerdict", "FaceVeilLoadPortrait"}
ALONE = """(kind) => {
    app.graph.clear();
    const node = LiteGraph.createNode(kind);
    node.pos = [200, 200];
    app.graph.add(node);
    node.setSize([Math.max(330, node.computeSize()[0]), node.computeSize()[1]]);
    return node.id;
}"""
IN_VIEW = """(id) => {
    const node = app.graph.getNodeById(id), { ds } = app.canvas;
    ds.scale = 1;
    ds.offset[0] = 120 - node.pos[0];
    ds.offset[1] = 120 - node.pos[1];
    app.canvas.setDirty(true, true);
}"""
OF_KIND = "(kind) => app.graph.nodes.find(n => n.type === kind).id"


def drawn(page: Page, node: int) -> Image.Image:
    """A node of the page with a little room around it, in few colours."""
    page.evaluate(IN_VIEW, node)
    page.wait_for_timeout(1200)
    box = page.locator(f"[data-node-id='{node}']").first.bounding_box()
    clip = {"x": box["x"] - 10, "y": box["y"] - 10, "width": box["width"] + 20, "height": box["height"] + 20}
    return Image.open(BytesIO(page.screenshot(clip=clip))).convert("RGB")


def keep(picture: Image.Image, kind: str) -> None:
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(FOLDER / f"{kind}.png", optimize=True)


def main(comfy: Comfy, wanted: list[str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    kinds = wanted or sorted(page.stem for page in FOLDER.parent.glob("*.md"))
    with opened(comfy, {"Comfy.VueNodes.Enabled": True}) as page:
        page.set_viewport_size({"width": 1300, "height": 1300})
        for kind in kinds:
            if kind not in AFTER_A_RUN:
                keep(drawn(page, page.evaluate(ALONE, kind)), kind)
        if shown := [kind for kind in kinds if kind in AFTER_A_RUN]:
            show(page, ROOT / "workflows" / "01_protect_any_image.json")
            done = page.evaluate(RUN, PROMPT_SECONDS * 1000)
            assert done["status"] == "execution_success", done
            page.wait_for_timeout(3000)
            for kind in shown:
                keep(drawn(page, page.evaluate(OF_KIND, kind)), kind)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as server:
        main(server, sys.argv[1:])
