"""One ComfyUI for all tests of this folder."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from .comfy import COMFYUI, Comfy, running


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
