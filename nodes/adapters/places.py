"""ComfyUI's model folders, told to the core."""

from __future__ import annotations

from pathlib import Path

import folder_paths

from ...core.places import add_model_folder


def share_model_folders() -> None:
    """`models/faceveil/KIND` for our own kinds, and the folders other packs and ComfyUI itself fill."""
    models = Path(folder_paths.models_dir)
    for kind in ("recognisers", "lpips", "landmarks", "parsers"):
        add_model_folder(kind, models / "faceveil" / kind)
    for folder in (models / "insightface", models / "insightface" / "models"):
        add_model_folder("insightface", folder)
    for folder in folder_paths.get_folder_paths("vae_approx"):
        add_model_folder("vae_approx", Path(folder))
