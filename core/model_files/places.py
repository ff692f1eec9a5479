"""Where weights may lie on this machine. Nothing is ever downloaded from here.

Order: what a host added (ComfyUI's own model folders), `FACEVEIL_MODELS`, the user's
`~/.faceveil/models`, then the folders other tools already fill.
"""

from __future__ import annotations

import os
from pathlib import Path

BUNDLED = Path(__file__).parents[1] / "weights"
"""Weights that come with the package."""

_OTHER_TOOLS = {"insightface": ("~/.insightface/models",)}
_added: dict[str, list[Path]] = {}


def add_model_folder(kind: str, folder: Path) -> None:
    """Let a host (ComfyUI) name one more folder for a kind of weights; adding it twice changes nothing."""
    known = _added.setdefault(kind, [])
    if folder not in known:
        known.append(folder)


def home() -> Path:
    """The folder that `faceveil fetch` and `faceveil calibrate` write to."""
    return Path(os.environ.get("FACEVEIL_HOME", "~/.faceveil")).expanduser()


def download_folder(kind: str) -> Path:
    """Where freshly fetched weights of a kind go."""
    return home() / "models" / kind


def model_folders(kind: str) -> list[Path]:
    """Existing folders where weights of a kind ("recognisers", "insightface", "lpips", "vae_approx") may lie."""
    named = [Path(p) / kind for p in os.environ.get("FACEVEIL_MODELS", "").split(os.pathsep) if p]
    others = [Path(p).expanduser() for p in _OTHER_TOOLS.get(kind, ())]
    candidates = [*_added.get(kind, []), *named, download_folder(kind), *others]
    return [folder for folder in dict.fromkeys(candidates) if folder.is_dir()]
