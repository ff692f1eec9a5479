"""Two photos of each of several people, as folders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..errors import InputError
from .folders import list_photos

# Folder and what its files' names begin with, first and second photo; the latter pair is how AMT-GAN's set is laid out.
_LAYOUTS = (
    (("a", ""), ("b", "")),
    (("train", "train_"), ("test", "test_")),
    (("train_align", "train_"), ("test_align", "test_")),
)

PAIR_FOLDERS = tuple((first[0], second[0]) for first, second in _LAYOUTS)


def pairs_in(folder: Path) -> list[tuple[Path, Path]]:
    """Photos of the same person: a/NAME and b/NAME, or train/train_NAME and test/test_NAME (also *_align)."""
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}: check the path.")
    for first, second in _LAYOUTS:
        if (folder / first[0]).is_dir() and (folder / second[0]).is_dir():
            others = dict(_named(folder / second[0], second[1]))
            pairs = [(path, others[name]) for name, path in _named(folder / first[0], first[1]) if name in others]
            if not pairs:
                raise InputError(f"No photo in {folder / first[0]} has a namesake in {folder / second[0]}.")
            return pairs
    raise InputError(f"{folder} needs two folders, a and b, that show the same people under the same file names.")


def _named(folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    for path in list_photos(folder):
        yield path.stem.removeprefix(prefix), path
