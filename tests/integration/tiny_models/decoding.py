"""A node for the tests alone: gradients through a VAE that ComfyUI loaded, by every way of saving memory."""

from __future__ import annotations

import importlib
import sys
from types import SimpleNamespace
from typing import Any

import torch

from .building import PRECISIONS, vae
from .families import HERE
from .precision import AsOnACard, ours, recording


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


class TinyVaePrecision:
    """The cosine of two gradients through a decoder, of the same weights in half precision and in whole, for the same
    pull on the same picture: what a recogniser wants of it, and noise, which is the hardest."""

    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "tests", "measure", (), True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"family": (list(HERE),), "storage": (list(PRECISIONS),), "image": ("IMAGE",)}}

    def measure(self, family: str, storage: str, image: Any) -> dict[str, Any]:
        adapter, core = ours("nodes.adapters.vae"), ours("core.optimise")
        ways = [
            adapter.VaeAutoencoder(vae(family, "fp32", PRECISIONS[storage], quiet=True)),
            adapter.VaeAutoencoder(vae(family, storage, quiet=True)),
        ]
        with torch.inference_mode(False), torch.enable_grad(), AsOnACard():
            photo = image.clone().movedim(-1, 1)
            latent = ways[0].encode(photo).detach()
            ways[1].spread = ways[0].spread
            shown = ways[1].decode(latent).detach()
            noise = torch.randn(shown.shape, generator=torch.Generator().manual_seed(1))
            wanted = recognised(photo, shown)
            found = []
            for pull in (wanted, noise * wanted.std()):
                slopes = []
                for way in ways:
                    moved = latent.clone().requires_grad_()

                    def objective(picture: Any, rows: Any, progress: float, pull: Any = pull) -> Any:
                        total = (picture * pull).sum().unsqueeze(0)
                        return core.Terms({"pull": total}, total, torch.zeros(1, dtype=torch.bool))

                    def render(rows: Any, way: Any = way, moved: Any = moved) -> Any:
                        return way.decode(moved)

                    variable = SimpleNamespace(groups=lambda moved=moved: iter([(moved, 0.1)]))
                    with recording() as slope:
                        core.optimise(variable, render, objective, core.Settings(1, patience=0))
                    slopes.append(slope[0].float())
                found.append(float(torch.cosine_similarity(*slopes, 0, eps=1e-30)))
        return {"ui": {"text": [*map(str, found)]}}


def recognised(photo: torch.Tensor, shown: torch.Tensor) -> torch.Tensor:
    """Where a recogniser's similarity of what is shown to the photo goes up."""
    recogniser = ours("core.photo.api").load_recogniser("dlib")
    points = ours("core.faces.face").points_of(ours("core.faces.find").find_faces(photo), photo)
    ensemble, leaf = ours("core.recognisers.ensemble").Ensemble([recogniser]), shown.clone().requires_grad_()
    one, other = (ensemble.embed(picture, points)["dlib"] for picture in (photo, leaf))
    (slope,) = torch.autograd.grad((one.detach() * other).sum(), leaf)
    return slope


NODE_CLASS_MAPPINGS = {"TinyVaeGradient": TinyVaeGradient, "TinyVaePrecision": TinyVaePrecision}
