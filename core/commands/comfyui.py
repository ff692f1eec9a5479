"""Where a ComfyUI lies on this machine. Nothing of it is imported or run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

USUAL = ("~/ComfyUI", "~/comfy/ComfyUI", "~/Documents/ComfyUI", "~/Documents/comfy/ComfyUI")
"""Where installers and instructions put it."""
PACK = Path(__file__).parents[2]
"""This pack, wherever it was put."""


@dataclass(frozen=True)
class Place:
    """One ComfyUI."""

    folder: Path
    version: str
    pack: Path | None
    """This pack among its custom nodes."""


def found() -> list[Place]:
    """Every ComfyUI that is named, that this pack lies in, or that is where one usually is."""
    folders = [Path(os.environ.get("COMFYUI_PATH") or PACK.parents[1]), PACK.parents[1], Path.cwd()]
    folders += [Path(name).expanduser() for name in USUAL]
    here = [folder for folder in folders if (folder / "main.py").is_file() and (folder / "custom_nodes").is_dir()]
    return [Place(folder, _version(folder), _pack(folder)) for folder in _distinct(here)]


def _distinct(folders: list[Path]) -> Iterator[Path]:
    seen = set()
    for folder in folders:
        real = os.path.realpath(folder)
        if real not in seen:
            seen.add(real)
            yield folder


def _version(folder: Path) -> str:
    """As its own file says it; older ones have none."""
    try:
        match = re.search(r'__version__ = "([\w.+-]+)"', (folder / "comfyui_version.py").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        match = None
    return match[1] if match else "an unknown version"


def _pack(folder: Path) -> Path | None:
    """A folder or link among the custom nodes that holds the same node list as this one."""
    try:
        packs = [path for path in (folder / "custom_nodes").iterdir() if (path / "docs/nodes/docs").is_dir()]
    except OSError:
        return None
    return next((path for path in packs if (path / "docs/nodes/docs/FaceVeilProtect.md").is_file()), None)
