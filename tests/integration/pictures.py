"""`python -m tests.integration.pictures`: remake the pictures of workflows/ and docs/ in a real ComfyUI, and print the
peak memory that it took for each workflow that runs with nothing downloaded (Linux)."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from faceveil.core.faces.find import find_faces
from faceveil.core.images import from_pil, to_bchw

from .browser import RUN, WORKFLOWS, browse, opened, show
from .comfy import PROMPT_SECONDS, ROOT, Comfy, running
from .test_nodes import NEEDS_DOWNLOADS, prompt_of, save, task_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

WIDTH = 512
BOUNDS = """() => {
    const { offset, scale } = app.canvas.ds, b = [Infinity, Infinity, -Infinity, -Infinity];
    for (const { pos, size } of app.graph.nodes) {
        b[0] = Math.min(b[0], pos[0]); b[1] = Math.min(b[1], pos[1] - 50);
        b[2] = Math.max(b[2], pos[0] + size[0]); b[3] = Math.max(b[3], pos[1] + size[1]);
    }
    return b.map((x, i) => (x + offset[i % 2]) * scale);
}"""


@contextmanager
def peak(comfy: Comfy, what: str) -> Iterator[None]:
    """Print the server's resident memory before, and at most while something ran."""
    Path(f"/proc/{comfy.process}/clear_refs").write_text("5")
    before = resident(comfy, "VmRSS")
    yield
    sys.stdout.write(f"{what}: {before} MB before, {resident(comfy, 'VmHWM')} MB at most\n")
    sys.stdout.flush()


def resident(comfy: Comfy, field: str) -> int:
    status = Path(f"/proc/{comfy.process}/status").read_text()
    return round(int(re.search(rf"{field}:\s+(\d+)", status)[1]) / 1024)


def pair(comfy: Comfy, path: Path) -> Image.Image:
    """The faces of a workflow's pictures before and after, side by side, one picture below the other."""
    prompt = prompt_of(json.loads(path.read_text()), comfy.get("/object_info"))
    verdict = next(each for each in prompt.values() if each["class_type"] == "FaceVeilVerdict")
    for name in ("original", "protected"):
        prompt[name] = save(verdict["inputs"][name])
    with peak(comfy, path.stem):
        run = comfy.run(prompt)
    assert run.status == "execution_success", run.error
    count, side = len(run.outputs["original"]["images"]), WIDTH // 2
    sheet = Image.new("RGB", (WIDTH, count * side), "white")
    for row in range(count):
        before, after = (Image.fromarray(comfy.picture(run, name, row)) for name in ("original", "protected"))
        (face,) = find_faces(to_bchw(from_pil(before)), which="largest")
        (x, y), reach = face.points.mean(0).tolist(), 1.5 * face.size
        reach = min(reach, x, y, before.width - x, before.height - y)
        box = tuple(round(value) for value in (x - reach, y - reach, x + reach, y + reach))
        for column, each in enumerate((before, after)):
            sheet.paste(each.crop(box).resize((side - 1, side - 1)), (column * (side + 1), row * side))
    return sheet


def graph(page: Page, path: Path, into: Path) -> Image.Image:
    """A workflow as the page draws it."""
    show(page, path)
    left, top, right, bottom = page.evaluate(BOUNDS)
    clip = {"x": left - 8, "y": top - 8, "width": right - left + 16, "height": bottom - top + 16}
    page.screenshot(path=into, clip=clip)
    drawn = Image.open(into).convert("RGB")
    return drawn.resize((WIDTH, round(WIDTH * drawn.height / drawn.width)), Image.Resampling.LANCZOS)


def run_in_page(comfy: Comfy, page: Page) -> None:
    """docs/comfyui.png: the first workflow with its result."""
    page.set_viewport_size({"width": 1800, "height": 1000})
    show(page, ROOT / "workflows" / "01_protect_any_image.json")
    with peak(comfy, "protect_any_image"):
        done = page.evaluate(RUN, PROMPT_SECONDS * 1000)
    assert done["status"] == "execution_success", done
    page.wait_for_timeout(8000)
    page.screenshot(path=ROOT / "docs" / "comfyui.png")


def main(comfy: Comfy) -> None:
    for name in ("portrait.png", "person-first.jpg"):
        comfy.add_input(ROOT / "portraits" / name, name)
    with opened(comfy) as page:
        run_in_page(comfy, page)
        for path in WORKFLOWS:
            drawn = task_of(path) in NEEDS_DOWNLOADS
            picture = graph(page, path, comfy.base / "graph.png") if drawn else pair(comfy, path)
            picture.save(path.with_suffix(".jpg"), quality=88)
    with opened(comfy) as page:
        page.set_viewport_size({"width": 1800, "height": 1500})
        browse(page)
        page.screenshot(path=ROOT / "docs" / "templates.png")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as server:
        main(server)
