"""Where ComfyUI keeps models, veils and films."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import folder_paths

from ...core.model_files.places import add_model_folder
from ...core.plain import plain
from ...core.whole import not_written

OURS = ("recognisers", "lpips", "landmarks", "parsers")


def share_model_folders() -> None:
    """`faceveil/KIND` for our own kinds, and the folders other packs and ComfyUI itself fill.

    Each lies in ComfyUI's `models`, and wherever `extra_model_paths.yaml` says for `faceveil` and `insightface`.
    """
    for folder in folders_of("faceveil"):
        for kind in OURS:
            add_model_folder(kind, folder / kind)
    for folder in folders_of("insightface"):
        add_model_folder("insightface", folder)
        add_model_folder("insightface", folder / "models")
    for folder in folder_paths.get_folder_paths("vae_approx"):
        add_model_folder("vae_approx", Path(folder))


def folders_of(kind: str) -> list[Path]:
    """ComfyUI's own folder for a kind that it does not know itself, after those that somebody has named."""
    named = folder_paths.get_folder_paths(kind) if kind in folder_paths.folder_names_and_paths else []
    return [*map(Path, named), Path(folder_paths.models_dir) / kind]


def kept_folders(inside: Path) -> list[Path]:
    """Where veils and trajectories may lie: what a node of ours wrote, `inside` ComfyUI's output folder, what somebody
    put into the input folder, and among the models."""
    named = [Path(folder_paths.get_output_directory()), Path(folder_paths.get_input_directory())]
    return [*(folder / inside for folder in named), *(folder / inside.name for folder in folders_of("faceveil"))]


def temporary() -> Path:
    """The folder that ComfyUI empties when it starts."""
    folder = Path(folder_paths.get_temp_directory())
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@dataclass(frozen=True)
class NumberedPlace:
    """Where the next numbered pictures go, as ComfyUI's own Save Image finds it."""

    folder: Path
    name: str
    counter: int
    subfolder: str
    """The folder's name inside ComfyUI's output folder."""


def numbered_place(prefix: str, height: int, width: int) -> NumberedPlace:
    """The place in the output folder that `prefix` names for pictures of this size; its folder is made where it is not
    there."""
    output = folder_paths.get_output_directory()
    try:
        folder, name, counter, subfolder, _ = folder_paths.get_save_image_path(prefix, output, width, height)
    except OSError as error:
        remedy = "unlock ComfyUI's output folder, or take another filename_prefix; nothing has to be protected again"
        raise not_written(plain(prefix), error, remedy) from error
    return NumberedPlace(Path(folder), name, counter, subfolder)


@contextmanager
def on_disk(video: Any) -> Iterator[Path]:
    """The film's own file; of one that is made of pictures, or cut, a copy that goes afterwards."""
    from comfy_api.latest import InputImpl

    # Only of a film that is a file its source is asked for: another one is written into memory for the asking, and
    # would be written once more here.
    if isinstance(video, InputImpl.VideoFromFile):
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
    from comfy_api.latest import InputImpl

    return InputImpl.VideoFromFile(str(path))
