"""A node for the tests alone: which of what the pack leans on is not there."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import comfy.samplers
import torch

from .building import model, vae
from .leaned_on import HELD, NAMES


def there(name: str) -> bool:
    module, *parts = name.split(".")
    found = importlib.import_module(module)
    for part in parts:
        module = f"{module}.{part}"
        if not hasattr(found, part):
            try:
                found = importlib.import_module(module)
            except ImportError:
                return False
        else:
            found = getattr(found, part)
    return True


def objects() -> Iterator[tuple[str, Any]]:
    """One of each kind that `HELD` speaks of, a guider's in the middle of sampling."""
    patcher, seen = model("sd15", "fp32"), {}

    class Looking(comfy.samplers.CFGGuider):
        def predict_noise(self, x: torch.Tensor, *given: Any, **named: Any) -> torch.Tensor:
            found = [name for name in HELD["guider"] if hasattr(self, name)]
            seen.update(guider=type("Seen", (), dict.fromkeys(found)))
            return x

    guider = Looking(patcher)
    guider.inner_set_conds({"positive": []})
    sampler, empty = comfy.samplers.sampler_object("euler"), torch.zeros(1, 4, 8, 8)
    guider.sample(empty, empty, sampler, torch.tensor([1.0, 0.0]), disable_pbar=True, seed=0)
    network = patcher.model
    yield from {
        **seen,
        "vae": vae("sd15", "fp32"),
        "model": patcher,
        "sampler": sampler,
        "network": network,
        "levels": network.model_sampling,
        "latents": network.latent_format,
    }.items()


class TinyLeaning:
    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "tests", "look", (), True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {}}

    def look(self) -> dict[str, Any]:
        gone = [name for name in NAMES if not there(name)]
        held = dict(objects())
        gone += [f"{kind}.{name}" for kind, names in HELD.items() for name in names if not hasattr(held[kind], name)]
        return {"ui": {"text": gone or ["nothing"]}}


NODE_CLASS_MAPPINGS = {"TinyLeaning": TinyLeaning}
