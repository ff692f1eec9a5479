"""Files of ours that nodes write and find again in ComfyUI's folders. No ComfyUI import."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...core.plain import plain
from ...core.whole import not_written

NONE = "none yet"
"""What a list of files offers that has none."""


def files_in(folders: Sequence[Path], suffix: str) -> dict[str, Path]:
    """Files of one kind by name; of namesakes the first counts."""
    found: dict[str, Path] = {}
    for folder in folders:
        if folder.is_dir():
            for path in sorted(folder.glob(f"*{suffix}")):
                found.setdefault(path.name, path)
    return found


def free_place(folder: Path, name: str, suffix: str) -> Path:
    """NAME and the suffix in a folder, which is made where it is not there; numbered where that is taken."""
    stem = Path(name.strip() or suffix[1:]).name.removesuffix(suffix)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_written(plain(folder), error) from error
    number, path = 2, folder / f"{stem}{suffix}"
    while taken(path):
        number, path = number + 1, folder / f"{stem}_{number}{suffix}"
    return path


def taken(path: Path) -> bool:
    """Whether there is such a file; a name that the disk refuses, such as one that is too long, is an error."""
    try:
        return path.exists()
    except OSError as error:
        raise not_written(plain(path.name), error, "choose another name") from error
