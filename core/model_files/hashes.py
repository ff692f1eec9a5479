"""Hashes of what files hold; a large file that has not changed since is not read twice."""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from pathlib import Path

from ..whole import whole
from .places import home

_LARGE = 1 << 20
"""Smaller files are read faster than looked up."""
_FRESH = 2.0
"""Seconds after a change in which a file might change again without a clock that notices."""


def state_of(file: Path) -> tuple[int, int] | None:
    """When a file was changed last, and its size: what tells a changed file. None where there is none."""
    try:
        about = file.stat()
    except (OSError, ValueError):
        return None
    return about.st_mtime_ns, about.st_size


def content_of(path: Path) -> str | None:
    """SHA-256 of a file; None for one that cannot be read, which whoever uses it explains better. A pipe is not opened,
    for that would block."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):
        return None


def weights_hash(paths: list[Path]) -> str:
    """One hash over the contents of files, in this order, and of everything in folders; a missing file counts too."""
    files = [file for path in paths for file in (_below(path) if path.is_dir() else [("", path)])]
    known = _remembered()
    before = dict(known)
    hashes = [(name, _looked_up(file, known)) for name, file in files]
    if known != before:
        _remember(known)
    return hashlib.sha256(json.dumps(hashes).encode()).hexdigest()


def _below(folder: Path) -> list[tuple[str, Path]]:
    found = []
    for root, _, names in os.walk(folder):
        found += [Path(root) / name for name in names]
    return [(file.relative_to(folder).as_posix(), file) for file in sorted(found) if file.is_file()]


def _looked_up(file: Path, known: dict[str, list[object]]) -> str | None:
    try:
        about = file.stat()
    except OSError:
        return None
    if about.st_size < _LARGE:
        return content_of(file)
    key, mark = os.path.realpath(file), [about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino]
    row = known.get(key)
    if isinstance(row, list) and row[:4] == mark and len(row) == 5:
        return str(row[4])
    content = content_of(file)
    if content is not None and time.time() - max(about.st_mtime, about.st_ctime) > _FRESH:
        known[key] = [*mark, content]
    return content


def _remembered() -> dict[str, list[object]]:
    """Hashes kept from earlier; none where that file is missing or damaged, which only costs time."""
    try:
        known = json.loads((home() / "hashes.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}


def _remember(known: dict[str, list[object]]) -> None:
    kept = {path: row for path, row in known.items() if Path(path).exists()}
    with suppress(OSError, ValueError):
        home().mkdir(parents=True, exist_ok=True)
        with whole(home() / "hashes.json") as part:
            part.write_text(json.dumps(kept), encoding="utf-8")
