"""Pictures as numbered files that hold nothing but pixels, unless somebody asks for more. No ComfyUI import."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor

from ...core.errors import InputError
from ...core.images import Photo, write_photo
from .keeping import taken

SUFFIXES = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
"""Format to file name; in PNG and WebP no pixel changes."""
_PROMPT_TAG, _OTHERS_TAG = 0x0110, 0x010F
"""The EXIF entries of a WebP in which ComfyUI's page looks for a workflow."""


def save_pictures(
    pictures: Sequence[Tensor],
    alphas: Sequence[Tensor] | None,
    folder: Path,
    name: str,
    counter: int,
    kind: str = "png",
    quality: int = 95,
    embedded: Mapping[str, Any] | None = None,
) -> list[str]:
    """Write pictures (1, H, W, 3) as `NAME_00001_.png` and so on, each whole or not at all; what the files are called.

    `embedded` are ComfyUI's prompt and workflow by these names. No file that is there is written over.
    """
    if embedded and kind == "jpeg":
        raise InputError("ComfyUI reads no workflow out of a JPEG: choose png or webp, or switch 'embed workflow' off.")
    texts = {key: json.dumps(value) for key, value in (embedded or {}).items()}
    written = []
    for index, picture in enumerate(pictures):
        called = name.replace("%batch_num%", str(index))
        while taken(file := folder / f"{called}_{counter:05}_{SUFFIXES[kind]}"):
            counter += 1
        photo = Photo(picture, None if alphas is None else alphas[index], exif=exif_of(texts) if texts else None)
        write_photo(photo, file, keep_metadata=bool(texts) and kind == "webp", quality=quality, texts=texts)
        written.append(file.name)
        counter += 1
    return written


def exif_of(texts: Mapping[str, str]) -> bytes:
    """What is embedded as ComfyUI itself puts it into a WebP."""
    exif, tag = Image.Exif(), _OTHERS_TAG
    for key, text in texts.items():
        if key == "prompt":
            exif[_PROMPT_TAG] = f"{key}:{text}"
        else:
            exif[tag] = f"{key}:{text}"
            tag -= 1
    return exif.tobytes()


def without_fingerprints(prompt: Mapping[str, Any]) -> dict[str, Any]:
    """A prompt without what ComfyUI notes of files that nodes read: of Load Image's, it is the original's SHA-256."""
    return {
        number: {key: value for key, value in node.items() if key != "is_changed"} for number, node in prompt.items()
    }
