"""`python -m tests.integration.pictures [screens] [workflows]`: remake the pictures of docs/ and of workflows/ (nothing
named: both) in a real ComfyUI, and print the peak memory of each workflow that runs with nothing downloaded (Linux)."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from faceveil.core.faces.find import find_faces
from faceveil.core.images import from_pil, to_bchw

from .browser import RUN, WORKFLOWS, browse, opened, show
from .comfy import PROMPT_SECONDS, ROOT, Comfy, running
from .test_nodes import NEEDS_DOWNLOADS, prompt_of, save, task_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

WIDTH, STRIP = 512, 26
STAND_INS = {
    "guarded_txt2img_sd": "guarded_generation_demo",
    "edit_and_protect_flux": "edit_and_protect_demo",
    "weakened_purification_sd": "weakened_purification_demo",
    "kontext_edit_and_protect": "after_another_editor",
    "qwen_image_edit_protected": "edit_and_protect_demo",
}
"""Workflows whose models are gigabytes, and those that do the same with the demo model."""


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


def tagged(sheet: Image.Image, note: str = "") -> Image.Image:
    """The pairs with words on them: which is which, and below what has to be known."""
    draw, half, font = ImageDraw.Draw(sheet), WIDTH // 2, ImageFont.load_default(15)
    # At the bottom: the template browser lays a badge over the upper left corner.
    top = sheet.height - 28
    for left, word in ((0, "before"), (half + 1, "after")):
        width = draw.textlength(word, font=font)
        draw.rectangle((left + 6, top, left + width + 18, top + 22), fill=(20, 20, 24))
        draw.text((left + 12, top + 2), word, fill="white", font=font)
    if not note:
        return sheet
    taller = Image.new("RGB", (WIDTH, sheet.height + STRIP), (20, 20, 24))
    taller.paste(sheet)
    ImageDraw.Draw(taller).text((WIDTH // 2, sheet.height + 4), note, fill="white", font=font, anchor="ma")
    return taller


def run_in_page(comfy: Comfy, page: Page, target: Path) -> None:
    """The first workflow with its result."""
    show(page, ROOT / "workflows" / "01_protect_any_image.json")
    with peak(comfy, "protect_any_image"):
        done = page.evaluate(RUN, PROMPT_SECONDS * 1000)
    assert done["status"] == "execution_success", done
    page.locator(".faceveil-headline").wait_for()
    page.wait_for_timeout(8000)
    page.screenshot(path=target)


def screens(comfy: Comfy) -> None:
    """From the search to the first protected picture, and the same in Chinese where there is a font for it."""
    fonts = subprocess.run(["fc-list", ":lang=zh"], capture_output=True, text=True, check=True).stdout
    for name, language in (("comfyui", "en"), *((("comfyui-zh", "zh"),) if fonts else ())):
        with opened(comfy, {"Comfy.Locale": language}) as page:
            page.set_viewport_size({"width": 1800, "height": 860})
            run_in_page(comfy, page, ROOT / "docs" / f"{name}.png")
    with opened(comfy) as page:
        # The workflow that the page itself opens asks for a model that is not here.
        show(page, WORKFLOWS[0])
        browse(page)
        page.screenshot(path=ROOT / "docs" / "templates.png")


def thumbnails(comfy: Comfy) -> None:
    """What each workflow makes of a face."""
    pairs = {task_of(path): pair(comfy, path) for path in WORKFLOWS if task_of(path) not in NEEDS_DOWNLOADS}
    for path in WORKFLOWS:
        other = STAND_INS.get(task_of(path), "")
        note = f"made with the demo model ({other})" if other else ""
        tagged(pairs[other or task_of(path)].copy(), note).save(path.with_suffix(".jpg"), quality=88)


def main(comfy: Comfy, wanted: list[str]) -> None:
    for name in ("portrait.png", "person-first.jpg"):
        comfy.add_input(ROOT / "portraits" / name, name)
    for name, make in (("screens", screens), ("workflows", thumbnails)):
        if not wanted or name in wanted:
            make(comfy)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as server:
        main(server, sys.argv[1:])
