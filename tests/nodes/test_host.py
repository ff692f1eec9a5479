"""What the nodes ask of ComfyUI while they work, with a stand-in for it."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import pytest
import torch
from torch import nn


class Interrupted(BaseException):
    pass


@pytest.fixture
def host(monkeypatch):
    comfy, management, utils = (ModuleType(name) for name in ("comfy", "comfy.model_management", "comfy.utils"))
    management.cancelled = False

    def check():
        if management.cancelled:
            raise Interrupted

    class ProgressBar:
        seen: list

        def __init__(self, total):
            self.seen = []

        def update_absolute(self, done, preview=None):
            self.seen.append((done, preview))

    management.throw_exception_if_processing_interrupted = check
    management.unload_all_models = management.soft_empty_cache = lambda: None
    utils.ProgressBar = ProgressBar
    comfy.model_management, comfy.utils = management, utils
    for module in (comfy, management, utils):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.delitem(sys.modules, "faceveil.nodes.adapters.host", raising=False)
    yield importlib.import_module("faceveil.nodes.adapters.host")
    sys.modules.pop("faceveil.nodes.adapters.host", None)


def test_cancel_is_heeded_inside_any_network_and_not_after(host, monkeypatch):
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    with host.cancellable():
        network(torch.ones(1, 2))
        host.comfy.model_management.cancelled = True
        with pytest.raises(Interrupted):
            network(torch.ones(1, 2))
    network(torch.ones(1, 2))


def test_cancel_ends_a_detection_in_its_middle(host, portrait):
    from faceveil.core.faces.find import find_faces

    host.comfy.model_management.cancelled = True
    with pytest.raises(Interrupted), host.cancellable():
        find_faces(portrait)


def test_the_bar_only_grows_and_heeds_cancel(host):
    bar = host.Bar(10)
    for done in (3, 2, 5):
        bar.show(done)
    assert [done for done, _ in bar.bar.seen] == [3, 3, 5]
    host.comfy.model_management.cancelled = True
    with pytest.raises(Interrupted):
        bar.show(6)
