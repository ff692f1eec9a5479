"""A stand-in for ComfyUI with just what the adapters ask of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace

import pytest
import torch

PARTS = ("model_management", "samplers", "utils", "model_sampling", "patcher_extension", "model_patcher")


@pytest.fixture
def comfy(monkeypatch) -> Iterator[ModuleType]:
    """The module `comfy`; the adapters are imported anew with it, and forgotten afterwards."""
    names = ["comfy", *(f"comfy.{part}" for part in PARTS), "comfy.ldm", "comfy.ldm.modules"]
    made = {name: ModuleType(name) for name in [*names, "comfy.ldm.modules.attention"]}
    for name, module in made.items():
        parent, _, part = name.rpartition(".")
        if parent:
            setattr(made[parent], part, module)
        monkeypatch.setitem(sys.modules, name, module)
    made["comfy.model_management"].get_torch_device = lambda: torch.device("cpu")
    made["comfy.model_management"].throw_exception_if_processing_interrupted = lambda: None
    made["comfy.model_management"].soft_empty_cache = lambda: None
    made["comfy.samplers"].CFGGuider = object
    made["comfy.samplers"].KSAMPLER = lambda function, **options: SimpleNamespace(
        sampler_function=function, extra_options=options
    )
    made["comfy.model_sampling"].CONST = type("CONST", (), {})
    before = forgotten()
    yield made["comfy"]
    forgotten()
    sys.modules.update(before)


def forgotten() -> dict[str, ModuleType]:
    """The adapters as they were imported so far; afterwards as if they had not been."""
    names = [name for name in sys.modules if name.startswith("faceveil.nodes.adapters.")]
    return {name: sys.modules.pop(name) for name in names}
