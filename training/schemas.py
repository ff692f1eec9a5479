"""What the nodes say of themselves, read without ComfyUI: a stand-in for its API writes the schemas down."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

COMFYUI = ("comfy", "folder_paths", "node_helpers", "latent_preview", "comfy_execution", "comfy_extras", "nodes")


@dataclass
class Schema:
    """The fields of ComfyUI's own, as far as a node of ours fills them."""

    node_id: str
    display_name: str = ""
    category: str = ""
    description: str = ""
    inputs: list[Any] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)
    search_aliases: list[str] = field(default_factory=list)
    essentials_category: str = ""
    hidden: list[Any] = field(default_factory=list)
    is_output_node: bool = False
    not_idempotent: bool = False
    is_experimental: bool = False
    is_deprecated: bool = False


class Kind:
    """Any of `io`'s types: what its inputs and outputs were called with is kept."""

    def __init__(self, name: str) -> None:
        self.name = name

    def Input(self, id: str, *more: Any, **given: Any) -> SimpleNamespace:
        return SimpleNamespace(id=id, kind=self.name, given=given, extra_dict={})

    def __getattr__(self, name: str) -> str:
        """A choice of an enumeration: nothing is asked of it."""
        return name

    def Output(self, *more: Any, **given: Any) -> SimpleNamespace:
        return SimpleNamespace(kind=self.name, given=given)


class Types:
    """`comfy_api.latest.io`."""

    Schema, ComfyNode, NodeOutput, Hidden = Schema, object, MagicMock, MagicMock()

    def Custom(self, name: str) -> Kind:
        return Kind(name)

    def __getattr__(self, name: str) -> Kind:
        return Kind(name)


class Absent(MetaPathFinder, Loader):
    """Modules of ComfyUI that nothing is asked of while schemas are read."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(name, self, is_package=True) if name.partition(".")[0] in COMFYUI else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = MagicMock()
        # A folder that cannot be: nothing is written while schemas are read.
        module.get_temp_directory.return_value = module.get_input_directory.return_value = os.devnull
        module.__path__, module.__name__, module.__spec__ = [], spec.name, spec
        return module

    def exec_module(self, module: ModuleType) -> None:
        pass


@contextmanager
def pretended() -> Iterator[None]:
    """While it lasts, ComfyUI seems to be there; afterwards nothing that was imported with it is left."""
    before, finder = dict(sys.modules), Absent()
    api, latest = ModuleType("comfy_api"), ModuleType("comfy_api.latest")
    latest.io, latest.ComfyExtension = Types(), object
    latest.__getattr__ = lambda name: MagicMock()
    for name in [name for name in sys.modules if name.startswith("faceveil.nodes")]:
        del sys.modules[name]
    sys.modules |= {"comfy_api": api, "comfy_api.latest": latest}
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.startswith(("faceveil.nodes", *COMFYUI, "comfy_api"))]:
            del sys.modules[name]
        sys.modules.update({name: module for name, module in before.items() if name not in sys.modules})


def schemas() -> list[Schema]:
    """Every node's, in the order in which ComfyUI is given them."""
    with pretended():
        listed = importlib.import_module("faceveil.nodes.extension").NODES
        modules = {name: importlib.import_module(f"faceveil.nodes.{name}") for name in listed}
        return [getattr(modules[name], node).define_schema() for name, node in listed.items()]
