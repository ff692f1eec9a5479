"""ComfyUI-FaceVeil: portraits that people recognise and face-recognition systems do not.

Importing this costs next to nothing; every name below is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import Any

_API = {
    "FaceVeilError": ".core.errors",
    "read_photo": ".core.images",
    "write_photo": ".core.images",
    "read_mask": ".core.images",
    "load_recogniser": ".core.recognisers.catalogue",
    "load_judge": ".core.services.catalogue",
    "find_faces": ".core.photo.api",
    "protect": ".core.photo.api",
    "edit": ".core.photo.api",
    "learn_veil": ".core.photo.api",
    "apply_veil": ".core.photo.api",
    "Veil": ".core.veil.veil",
    "save_veil": ".core.veil.files",
    "load_veil": ".core.veil.files",
    "verify": ".core.photo.api",
    "Protector": ".core.photo.protector",
    "Editor": ".core.photo.editor",
}

__all__ = sorted(_API)

WEB_DIRECTORY = "./docs/nodes"
"""Where ComfyUI finds the nodes' help pages, `docs/<node id>.md` in it."""


async def comfy_entrypoint() -> Any:
    """What ComfyUI calls to learn of the nodes; nothing of ComfyUI is imported before."""
    from .nodes.extension import FaceVeilExtension

    return FaceVeilExtension()


def __getattr__(name: str) -> Any:
    if name not in _API:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_API[name], __name__), name)


def __dir__() -> list[str]:
    return __all__
