"""Which files are photos."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError
from .photo import shown

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif")
"""What a scan of a folder picks up. Reading itself goes by content, not by name."""


def list_photos(folder: str | Path) -> list[Path]:
    """The photos directly in a folder, by name; hidden files are left out."""
    folder = Path(folder)
    name = shown(folder)
    try:
        files = [p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and p.name[0] != "." and p.is_file()]
    except (OSError, ValueError) as error:
        raise InputError(f"'{name}' is not a folder that can be read: check the path.") from error
    if not files:
        raise InputError(f"There are no photos in '{name}': it must hold files such as {', '.join(SUFFIXES)}.")
    return sorted(files)
