"""What the nodes ask of ComfyUI while they work, with a stand-in for it."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch import nn

from faceveil.core.recognisers.card import Card
from faceveil.core.recognisers.recogniser import Recogniser
from faceveil.nodes.adapters.memory import room_for


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

    management.minimum_inference_memory = lambda: 1000
    management.LoadedModel = lambda patcher: SimpleNamespace(patcher=patcher)
    management.free_memory = lambda needed, device, keep_loaded: None
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


class Settling(nn.Module):
    """Moves as a network does from one device to another: every weight becomes a new tensor, made on arrival."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3))
        self.moves = []

    def to(self, *args, **named):
        if args and args[0] in ("cpu", "cuda"):
            self.moves.append(args[0])
            return self._apply(torch.clone)
        return super().to(*args, **named)

    def forward(self, x):
        return self.layers(x)


@pytest.fixture
def recogniser():
    torch.manual_seed(0)
    return Recogniser(Card("settling", 16, "arcface"), Settling())


def test_room_is_made_before_recognisers_come_and_what_is_beside_them_stays(host, recogniser):
    freed = []
    host.comfy.model_management.free_memory = lambda needed, device, keep_loaded: freed.append(
        (needed, device, keep_loaded, list(recogniser.network.moves))
    )
    with host.on_device([recogniser], "cuda", ["patcher"]):
        assert recogniser.network.moves == ["cuda"]
    ((needed, device, stay, moves),) = freed
    assert recogniser.network.moves == ["cuda", "cpu"] and moves == []
    assert needed == 1000 + room_for(recogniser) and device == torch.device("cuda")
    assert [kept.patcher for kept in stay] == ["patcher"]


def test_recognisers_that_moved_within_inference_mode_still_have_gradients(host, recogniser):
    with torch.inference_mode(), host.on_device([recogniser], "cuda"), torch.inference_mode(False):
        x = torch.rand(1, 3, 16, 16, requires_grad=True)
        (slope,) = torch.autograd.grad(recogniser.embed(x)[0, 0], x)
    assert slope.abs().max() > 0
