"""What is said of a graph when it is queued, with a stand-in for ComfyUI's server."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

from faceveil.nodes.adapters.queued import say_when_queued
from faceveil.nodes.parts.order import warnings_in


@pytest.fixture
def queue(monkeypatch):
    """The handler that ComfyUI would call, and what was sent: node, text, to whom."""
    said, handlers = [], []
    server = ModuleType("server")
    instance = SimpleNamespace(
        add_on_prompt_handler=handlers.append,
        send_progress_text=lambda text, node, to: said.append((node, text, to)),
    )
    server.PromptServer = SimpleNamespace(instance=instance)
    monkeypatch.setitem(sys.modules, "server", server)
    say_when_queued(warnings_in)
    (handle,) = handlers
    return handle, said


def test_the_page_that_queued_a_graph_is_told_and_the_graph_stays_as_it_is(queue):
    handle, said = queue
    graph = {
        "1": {"class_type": "FaceVeilProtect", "inputs": {}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0]}},
    }
    queued = {"prompt": graph, "client_id": "me"}
    assert handle(queued) is queued and set(queued) == {"prompt", "client_id"}
    ((node, text, to),) = said
    assert (node, to) == ("1", "me") and "writes the original's name" in text


@pytest.mark.parametrize("odd", [{}, {"prompt": None}, {"prompt": []}, {"prompt": {"1": "no node"}}])
def test_what_is_no_graph_is_left_to_comfyui(queue, odd):
    handle, said = queue
    assert handle(odd) is odd and not said
