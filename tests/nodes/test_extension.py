"""The list of nodes, with a stand-in for ComfyUI's API that has just what the list itself needs."""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys
from types import ModuleType, SimpleNamespace

import pytest

import faceveil
from faceveil.core.model_files.places import model_folders


@pytest.fixture
def without_comfyui(monkeypatch, tmp_path):
    folders = ModuleType("folder_paths")
    folders.models_dir, folders.get_folder_paths = str(tmp_path), lambda kind: [str(tmp_path / kind)]
    folders.folder_names_and_paths = {"vae_approx": None}
    monkeypatch.setitem(sys.modules, "folder_paths", folders)
    monkeypatch.setattr("faceveil.core.model_files.places._added", {})
    api, latest = ModuleType("comfy_api"), ModuleType("comfy_api.latest")
    latest.ComfyExtension, latest.io = object, ModuleType("io")
    monkeypatch.setitem(sys.modules, "comfy_api", api)
    monkeypatch.setitem(sys.modules, "comfy_api.latest", latest)
    yield
    for name in ("extension", "adapters.files", "adapters.queued"):
        sys.modules.pop(f"faceveil.nodes.{name}", None)


def test_nodes_that_cannot_be_loaded_are_named_and_nothing_fails(without_comfyui, caplog):
    extension = asyncio.run(faceveil.comfy_entrypoint())
    with caplog.at_level(logging.ERROR, "faceveil"):
        assert asyncio.run(extension.get_node_list()) == []
    listed = importlib.import_module("faceveil.nodes.extension").NODES.values()
    messages = [record.getMessage() for record in caplog.records]
    assert all(any(f"could not load the node '{name}'" in line for line in messages) for name in listed)
    assert not any("\n" in line or record.exc_info for line, record in zip(messages, caplog.records, strict=True))


def test_a_node_that_fails_is_told_of_with_the_version_that_it_fails_under(without_comfyui, monkeypatch, caplog):
    version = ModuleType("comfyui_version")
    version.__version__ = "9.8.7"
    monkeypatch.setitem(sys.modules, "comfyui_version", version)
    extension = asyncio.run(faceveil.comfy_entrypoint())
    asyncio.run(extension.get_node_list())
    assert "the node 'Decoy', which is left out under ComfyUI 9.8.7 (" in caplog.text


def test_model_folders_that_cannot_be_asked_cost_no_node(without_comfyui, monkeypatch):
    def refuse(kind):
        raise RuntimeError("another ComfyUI")

    monkeypatch.setattr(sys.modules["folder_paths"], "get_folder_paths", refuse)
    kept(monkeypatch)


def test_comfyuis_model_folders_are_looked_into_once_the_nodes_are_listed(without_comfyui, tmp_path):
    (tmp_path / "vae_approx").mkdir()
    extension = asyncio.run(faceveil.comfy_entrypoint())
    asyncio.run(extension.get_node_list())
    assert model_folders("vae_approx")[0] == tmp_path / "vae_approx"


def test_folders_of_extra_model_paths_are_looked_into_before_comfyuis_own(without_comfyui, monkeypatch, tmp_path):
    folders, elsewhere = sys.modules["folder_paths"], tmp_path / "disk"
    folders.folder_names_and_paths |= {"insightface": None, "faceveil": None}
    monkeypatch.setattr(folders, "get_folder_paths", lambda kind: [str(elsewhere / kind)])
    places = [root / "insightface" / inner for root in (elsewhere, tmp_path) for inner in ("", "models")]
    ours = [root / "faceveil" / "parsers" for root in (elsewhere, tmp_path)]
    for place in [*places, *ours]:
        place.mkdir(parents=True, exist_ok=True)
    asyncio.run(asyncio.run(faceveil.comfy_entrypoint()).get_node_list())
    assert model_folders("insightface")[:4] == places and model_folders("parsers")[:2] == ours


def test_graphs_are_looked_at_when_they_are_queued(without_comfyui, monkeypatch):
    server, handlers = ModuleType("server"), []
    server.PromptServer = SimpleNamespace(instance=SimpleNamespace(add_on_prompt_handler=handlers.append))
    monkeypatch.setitem(sys.modules, "server", server)
    asyncio.run(asyncio.run(faceveil.comfy_entrypoint()).get_node_list())
    assert len(handlers) == 1


def test_a_node_that_loads_is_kept_when_others_do_not(without_comfyui, monkeypatch):
    kept(monkeypatch)


def kept(monkeypatch):
    """One node of ours that loads, and is listed alone."""

    class Node:
        @classmethod
        def GET_SCHEMA(cls):
            return None

    good = ModuleType("faceveil.nodes.decoy")
    good.Decoy = Node
    monkeypatch.setitem(sys.modules, "faceveil.nodes.decoy", good)
    extension = asyncio.run(faceveil.comfy_entrypoint())
    assert asyncio.run(extension.get_node_list()) == [Node]
