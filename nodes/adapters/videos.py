"""ComfyUI's VIDEO as a file, and a file as a VIDEO."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import folder_paths
from comfy_api.latest import InputImpl


def temporary() -> Path:
    """The folder that ComfyUI empties when it starts."""
    folder = Path(folder_paths.get_temp_directory())
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def on_disk(video: Any) -> Iterator[Path]:
    """The film's own file; of one that is made of pictures, or cut, a copy that goes afterwards."""
    source = video.get_stream_source()
    cut = getattr(video, "get_active_trim_window", lambda: (0, 0))()
    if isinstance(source, str) and not any(cut):
        yield Path(source)
        return
    copy = temporary() / f"faceveil-{secrets.token_hex(8)}.mp4"
    try:
        video.save_to(str(copy))
        yield copy
    finally:
        copy.unlink(missing_ok=True)


def as_video(path: Path) -> Any:
    return InputImpl.VideoFromFile(str(path))
