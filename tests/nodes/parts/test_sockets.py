"""Schemas for versions of ComfyUI that know less, with a stand-in for its API."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace

import pytest


@dataclass
class OlderSchema:
    node_id: str


@dataclass
class NewerSchema(OlderSchema):
    search_aliases: list[str] = field(default_factory=list)


class Widget:
    """As ComfyUI 0.3.64 makes them."""

    def __init__(self, id: str, tooltip: str = "") -> None:
        self.id, self.tooltip, self.extra_dict = id, tooltip, {}


@pytest.fixture
def sockets(monkeypatch) -> Iterator[Callable[..., ModuleType]]:
    """Our module beside such a version."""

    def beside(**api: object) -> ModuleType:
        latest = ModuleType("comfy_api.latest")
        latest.io = SimpleNamespace(Custom=lambda name: name, **api)
        monkeypatch.setitem(sys.modules, "comfy_api", ModuleType("comfy_api"))
        monkeypatch.setitem(sys.modules, "comfy_api.latest", latest)
        monkeypatch.delitem(sys.modules, "faceveil.nodes.parts.sockets", raising=False)
        return importlib.import_module("faceveil.nodes.parts.sockets")

    yield beside
    sys.modules.pop("faceveil.nodes.parts.sockets", None)


@pytest.mark.parametrize(("kind", "known"), [(OlderSchema, {}), (NewerSchema, {"search_aliases": ["face"]})])
def test_what_a_version_does_not_know_is_left_out_and_a_slip_is_not(sockets, kind, known):
    schema = sockets(Schema=kind).schema
    assert schema(node_id="mine", search_aliases=["face"], essentials_category="Basics") == kind("mine", **known)
    with pytest.raises(TypeError):
        schema(node_id="mine", search_alias=["face"])


def test_a_rare_input_is_one_where_widgets_take_no_such_argument(sockets):
    made = sockets().rare(Widget, "seed", tooltip="The same seed.")
    assert (made.id, made.tooltip, made.extra_dict) == ("seed", "The same seed.", {"advanced": True})
