"""A node for the tests alone: gradients through a VAE that ComfyUI loaded, by every way of saving memory."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import torch


class TinyVaeGradient:
    """How far a gradient through the decoder is from finite differences, as a share."""

    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "tests", "measure", (), True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"vae": ("VAE",)}}

    def measure(self, vae: Any) -> dict[str, Any]:
        pack = next(name for name in sys.modules if name.endswith("ComfyUI-FaceVeil"))
        adapter = importlib.import_module(f"{pack}.nodes.adapters.vae")
        memory = importlib.import_module(f"{pack}.nodes.adapters.memory")
        found = []
        for way in memory.LADDER:
            autoencoder = adapter.VaeAutoencoder(vae, economy=way)
            with torch.inference_mode(False), torch.enable_grad():
                draw = torch.Generator().manual_seed(1)
                picture = torch.rand(1, 3, 128, 128, generator=draw)
                latent = autoencoder.encode(picture).detach()
                weights = torch.randn(picture.shape, generator=draw)

                def value(x: torch.Tensor, decode: Any = autoencoder.decode, by: torch.Tensor = weights) -> Any:
                    return (decode(x) * by).double().sum()

                leaf = latent.clone().requires_grad_()
                (slope,) = torch.autograd.grad(value(leaf), leaf)
                along = slope / slope.square().mean().sqrt()
                # Small in the VAE's own units, for loud random decoders bend sharply.
                step = 1e-3 / autoencoder.spread
                with torch.no_grad():
                    near = (value(latent + step * along) - value(latent - step * along)) / (2 * step)
                found.append(float(((slope * along).sum() - near).abs() / near.abs()))
        return {"ui": {"text": [*map(str, found), str(list(latent.shape))]}}


NODE_CLASS_MAPPINGS = {"TinyVaeGradient": TinyVaeGradient}
