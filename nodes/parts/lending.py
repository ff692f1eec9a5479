"""The pack's example photos, where ComfyUI's page can show them. No ComfyUI import."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

PORTRAITS = Path(__file__).parents[2] / "portraits"
EXAMPLES = ("portrait.png", "person-first.jpg", "person-second.jpg")
FOLDER = "faceveil"


def name_of(example: str) -> str:
    """How ComfyUI names a file of its temp folder, and how it and its page find the file."""
    return f"{FOLDER}/{example} [temp]"


def lend(temp: Path) -> list[str]:
    """Their names, after putting them into the temp folder, which ComfyUI empties whenever it starts.

    The input folder is the artist's own, and nothing is put there unasked.
    """
    for example in EXAMPLES:
        target = temp / FOLDER / example
        if not target.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f"{os.getpid()}-{example}")
            shutil.copyfile(PORTRAITS / example, part)
            part.replace(target)
    return [name_of(example) for example in EXAMPLES]
