"""The list of nodes, with a stand-in for ComfyUI's API that has just what the list itself needs."""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys
from types import ModuleType

import pytest

import faceveil
from faceveil.core.places import model_folders


@pytest.fixture
def without_comfyui(monkeypatch, tmp_path):
    folders = ModuleType("folder_paths")
    folders.models_dir, folders.get_folder_paths = str(tmp_path), lambda kind: [str(tmp_path / kind)]
    monkeypatch.setitem(sys.modules, "folder_paths", folders)
    monkeypatch.setattr("faceveil.core.places._added", {})
    api, latest = ModuleType("comfy_api"), ModuleType("comfy_api.latest")
    latest.ComfyExtension, latest.io = object, ModuleType("io")
    monkeypatch.setitem(sys.modules, "comfy_api", api)
    monkeypatch.setitem(sys.modules, "comfy_api.latest", latest)
    yield
    for name in ("extension", "adapters.places"):
        sys.modules.pop(f"faceveil.nodes.{name}", None)


def test_nodes_that_cannot_be_loaded_are_named_and_nothing_fails(without_comfyui, caplog):
    extension = asyncio.run(faceveil.comfy_entrypoint())
    with caplog.at_level(logging.ERROR, "faceveil"):
        assert asyncio.run(extension.get_node_list()) == []
    listed = importlib.import_module("faceveil.nodes.extension").NODES.values()
    assert all(f"'{name}' could not be loaded" in caplog.text for name in listed)


def test_comfyuis_model_folders_are_looked_into_once_the_nodes_are_listed(without_comfyui, tmp_path):
    (tmp_path / "vae_approx").mkdir()
    extension = asyncio.run(faceveil.comfy_entrypoint())
    asyncio.run(extension.get_node_list())
    assert model_folders("vae_approx")[0] == tmp_path / "vae_approx"


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
