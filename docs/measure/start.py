# ruff: noqa: T201
"""What the pack adds to ComfyUI's start: its share of one start's processor time.

    COMFYUI/.venv/bin/python docs/measure/start.py COMFYUI

With ComfyUI's own Python, on the CPU, in a scratch folder in which no other pack lies; ComfyUI ends when it has
started. Both figures are of the same start, so that a busy machine tells the same.
"""

from __future__ import annotations

import sys
import time

BEGAN = time.process_time()

import contextlib  # noqa: E402
import runpy  # noqa: E402
import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
NAME = "ComfyUI-FaceVeil"


def started(folder: Path, base: Path) -> tuple[float, float]:
    """Seconds of processor time of the pack's import, and of all from the start of this program."""
    for name in ("custom_nodes", "user"):
        (base / name).mkdir()
    (base / "custom_nodes" / NAME).symlink_to(ROOT, target_is_directory=True)
    launch = runpy.run_path(str(ROOT / "tests" / "integration" / "launch.py"))
    launch["stand_in"]()
    sys.path[0] = str(folder)
    sys.argv = ["main.py", "--cpu", "--quick-test-for-ci", "--base-directory", str(base)]
    sys.argv += ["--database-url", "sqlite:///:memory:", "--user-directory", str(base / "user")]
    import comfy.options

    comfy.options.enable_args_parsing()
    import nodes

    load, took = nodes.load_custom_node, []

    async def timed(path: str, *args: Any, **named: Any) -> bool:
        before = time.process_time()
        try:
            return await load(path, *args, **named)
        finally:
            if Path(path).name == NAME:
                took.append(time.process_time() - before)

    nodes.load_custom_node = timed
    with contextlib.suppress(SystemExit):
        runpy.run_path(str(folder / "main.py"), run_name="__main__")
    (own,) = took
    return own, time.process_time() - BEGAN


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        own, whole = started(Path(sys.argv[1]).resolve(), Path(scratch))
    print(f"import {own:.3f} s of {whole:.2f} s of processor time: {own / whole:.1%}")
