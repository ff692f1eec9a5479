"""One ComfyUI for all tests of this folder."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from faceveil.core.engines.tiny import TinyAutoencoder

from .comfy import COMFYUI, Comfy, running
from .tiny_decoder import put


def refuse(reason: str) -> None:
    warnings.warn(f"INTEGRATION TESTS DID NOT RUN: {reason}", stacklevel=2)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def comfy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Comfy]:
    if not (COMFYUI / "main.py").is_file():
        refuse(f"there is no ComfyUI at {COMFYUI}: clone one there, or name its folder in COMFYUI_PATH")
    if importlib.util.find_spec("websocket") is None:
        refuse("the package websocket-client is missing: pip install websocket-client")
    with running(tmp_path_factory.mktemp("comfyui")) as server:
        yield server


@pytest.fixture(scope="session")
def portrait(comfy: Comfy, examples: Path) -> str:
    return comfy.add_input(examples / "portrait.png", "portrait.png")


@pytest.fixture
def short(comfy: Comfy) -> Iterator[None]:
    """Searches of a few iterations: what is tested is everything around them."""
    shorten(comfy, 3)
    yield
    shorten(comfy, 0)


def shorten(comfy: Comfy, iterations: int) -> None:
    """Pictures that were searched for otherwise are forgotten, for the prompt does not say how long was searched."""
    comfy.post("/free", {"free_memory": True})
    run = comfy.run({"short": {"class_type": "TinyShort", "inputs": {"iterations": iterations}}})
    assert run.status == "execution_success", run.error


@pytest.fixture
def loud(comfy: Comfy) -> Iterator[TinyAutoencoder]:
    """Random, and so loud that a small step in the latent shows; its files lie where ComfyUI looks for them."""
    torch.manual_seed(0)
    model = TinyAutoencoder("taesd", 4)
    for weight in model.parameters():
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, std=1.4 / weight[0].numel() ** 0.5)
    files = put(comfy, model)
    yield model
    for file in files:
        file.unlink()
