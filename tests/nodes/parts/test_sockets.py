"""Schemas for versions of ComfyUI that know less, with a stand-in for its API."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace

import pytest


@dataclass
class OlderSchema:
    node_id: str


@dataclass
class NewerSchema(OlderSchema):
    search_aliases: list[str] = field(default_factory=list)


@pytest.mark.parametrize(("kind", "known"), [(OlderSchema, {}), (NewerSchema, {"search_aliases": ["face"]})])
def test_what_a_version_does_not_know_is_left_out_and_a_slip_is_not(monkeypatch, kind, known):
    latest = ModuleType("comfy_api.latest")
    latest.io = SimpleNamespace(Schema=kind, Custom=lambda name: name)
    monkeypatch.setitem(sys.modules, "comfy_api", ModuleType("comfy_api"))
    monkeypatch.setitem(sys.modules, "comfy_api.latest", latest)
    monkeypatch.delitem(sys.modules, "faceveil.nodes.parts.sockets", raising=False)
    schema = importlib.import_module("faceveil.nodes.parts.sockets").schema
    try:
        assert schema(node_id="mine", search_aliases=["face"], essentials_category="Basics") == kind("mine", **known)
        with pytest.raises(TypeError):
            schema(node_id="mine", search_alias=["face"])
    finally:
        sys.modules.pop("faceveil.nodes.parts.sockets", None)
