"""Folders of strangers: names, links, pipes, and runs that are killed. What was there before is there afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cheap import hire, order
from hostility import Kept, share
from many_photos import contents, states
from PIL import Image

from faceveil.core.errors import FaceVeilError
from faceveil.core.many.run import run

pytestmark = pytest.mark.slow
HELPERS = Path(__file__).parents[1] / "helpers"
BITS = (
    b"a",
    b"A",
    b".",
    b" ",
    b"\n",
    b"\x1b[2J",
    b"\xff",
    b"'",
    b'"',
    b"*",
    b"[",
    b"?",
    b"-",
    b"%s",
    b"\\",
    b"\xe2\x9c\x82",
)
SUFFIXES = (b".png", b".PNG", b".jpg", b".gif", b".tif", b".png.jpg", b"", b".json")


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    Image.effect_noise((64, 64), 40).convert("RGB").save(path)
    return path.read_bytes()


def odd_name(chance) -> str:
    name = b"".join(chance.choices(BITS, k=chance.randint(1, 6))).strip(b"/") + chance.choice(SUFFIXES)
    return os.fsdecode(name) if name.strip(b".") else "x.png"


def odd_entry(path: Path, chance, photo: bytes, root: Path) -> None:
    """A photo, mostly; else whatever else can lie in a folder."""
    kind = chance.choice(["photo"] * 6 + ["link", "loop", "up", "pipe", "folder", "empty", "text", "hard"])
    try:
        if kind in ("photo", "empty", "text"):
            path.write_bytes({"photo": photo, "empty": b"", "text": b"<html>"}[kind])
        elif kind == "pipe":
            os.mkfifo(path)
        elif kind == "folder":
            path.mkdir()
            (path / "inner.png").write_bytes(photo)
        elif kind == "hard":
            os.link(root / "anchor.png", path)
        else:
            path.symlink_to({"link": root / "anchor.png", "loop": path, "up": root}[kind])
    except OSError:
        pass


def everything(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in folder.rglob("*") if ".faceveil" not in path.parts]


def test_folders(tally, chance, tmp_path, photo):
    for number in range(share(0.05)):
        here = tmp_path / str(number)
        photos, out = here / "in", here / "out"
        photos.mkdir(parents=True), out.mkdir()
        (photos / "anchor.png").write_bytes(photo)
        names = [odd_name(chance) for _ in range(chance.randint(1, 8))]
        for name in names:
            odd_entry(photos / name, chance, photo, photos)
        for name in chance.sample([*names, "anchor.png"], chance.choice([0, 0, 1, 2])):
            odd_entry(out / name, chance, b"an original", photos)
        kept = Kept(everything(photos, out))

        def go(photos=photos, out=out):
            wanted = order(photos, out, overwrite=False)
            first = run(wanted, hire(1))
            again = run(wanted, hire(1))
            assert again.done == 0 and again.skipped == first.done, (first, again)

        tally.judge("folders", repr(names)[:300], go, kept)
        shutil.rmtree(here)


def test_kills(tally, chance, tmp_path, photo):
    """A driver killed at any moment: no half file, no lost original, and the next run does the rest."""
    photos = tmp_path / "in"
    photos.mkdir()
    for index in range(12):
        (photos / f"{index}.png").write_bytes(photo)
    for number in range(max(share(0.004), 5) if share(1) < 1000 else share(0.008)):
        out = tmp_path / f"out{number}"
        driver = subprocess.Popen(
            [sys.executable, HELPERS / "cheap.py", photos, out], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(chance.uniform(0.0, 6.0))
        driver.send_signal(chance.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT]))
        driver.wait()

        def go_on(out=out):
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:  # its workers notice within a moment, and hold the lock till then
                try:
                    run(order(photos, out), hire(1))
                    break
                except FaceVeilError:
                    time.sleep(0.2)
            assert states(out) == {"done": 12} and len(contents(out)) == 12
            assert len(set(contents(out).values())) == 1, "nothing is half-written"

        tally.judge("kills", str(number), go_on, Kept(photos.iterdir()))
