"""A tiny autoencoder's files, where ComfyUI looks for them."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import save_file

from faceveil.core.engines.tiny import TinyAutoencoder

from .comfy import Comfy


def put(comfy: Comfy, model: TinyAutoencoder) -> list[Path]:
    """Written, or written anew; whoever puts them there takes them away."""
    files = []
    for half in ("encoder", "decoder"):
        files.append(comfy.base / "models" / "vae_approx" / f"taesd_{half}.safetensors")
        save_file(getattr(model, half).state_dict(), files[-1])
    return files
