"""The list of nodes, with a stand-in for ComfyUI's API that has just what the list itself needs."""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys
from types import ModuleType

import pytest

import faceveil


@pytest.fixture
def without_comfyui(monkeypatch):
    api, latest = ModuleType("comfy_api"), ModuleType("comfy_api.latest")
    latest.ComfyExtension, latest.io = object, ModuleType("io")
    monkeypatch.setitem(sys.modules, "comfy_api", api)
    monkeypatch.setitem(sys.modules, "comfy_api.latest", latest)
    yield
    sys.modules.pop("faceveil.nodes.extension", None)


def test_nodes_that_cannot_be_loaded_are_named_and_nothing_fails(without_comfyui, caplog):
    extension = asyncio.run(faceveil.comfy_entrypoint())
    with caplog.at_level(logging.ERROR, "faceveil"):
        assert asyncio.run(extension.get_node_list()) == []
    listed = importlib.import_module("faceveil.nodes.extension").NODES.values()
    assert all(f"'{name}' could not be loaded" in caplog.text for name in listed)


def test_a_node_that_loads_is_kept_when_others_do_not(without_comfyui, monkeypatch):
    class Node:
        @classmethod
        def GET_SCHEMA(cls):
            return None

    good = ModuleType("faceveil.nodes.decoy")
    good.Decoy = Node
    monkeypatch.setitem(sys.modules, "faceveil.nodes.decoy", good)
    extension = asyncio.run(faceveil.comfy_entrypoint())
    assert asyncio.run(extension.get_node_list()) == [Node]
