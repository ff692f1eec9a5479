"""A stand-in for ComfyUI with just what the adapters ask of it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
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


@pytest.fixture
def node_of(comfy, monkeypatch) -> Iterator[Callable[[str, str], type]]:
    """A node class by its module and name, with a stand-in for the API that it is declared with."""
    api, latest = ModuleType("comfy_api"), ModuleType("comfy_api.latest")
    latest.io = SimpleNamespace(
        ComfyNode=object,
        Custom=lambda name: name,
        NodeOutput=lambda *outputs, ui=None: SimpleNamespace(outputs=outputs, ui=ui),
    )
    latest.ui = SimpleNamespace()
    comfy.utils.ProgressBar = lambda total: SimpleNamespace(update_absolute=lambda done, preview=None: None)
    comfy.model_management.minimum_inference_memory = lambda: 0
    comfy.model_management.free_memory = lambda needed, device, keep_loaded: None
    monkeypatch.setitem(sys.modules, "comfy_api", api)
    monkeypatch.setitem(sys.modules, "comfy_api.latest", latest)
    loaded = {}

    def load(module: str, name: str) -> type:
        loaded[module] = importlib.import_module(f"faceveil.nodes.{module}")
        return getattr(loaded[module], name)

    yield load
    for module in [*loaded, "parts.sockets"]:
        sys.modules.pop(f"faceveil.nodes.{module}", None)
