"""What the nodes ask of ComfyUI while they work: the device, the bar with its preview, and whether to stop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import comfy.model_management
import comfy.utils
import torch
from PIL import Image
from torch.nn.modules.module import register_module_forward_pre_hook

from ...core.recognisers.judge import Judge
from .memory import room_for


def pick_device() -> str:
    """ComfyUI's own device when it is a CUDA (or ROCm) one, else the CPU: other backends lack operators we need."""
    device = comfy.model_management.get_torch_device()
    return str(device) if device.type == "cuda" else "cpu"


def stop_if_cancelled() -> None:
    """Raises ComfyUI's own exception when the user pressed Cancel."""
    comfy.model_management.throw_exception_if_processing_interrupted()


class Bar:
    """The node's progress bar; it only ever grows, and looks for Cancel at every step."""

    def __init__(self, total: int) -> None:
        self.bar, self.done = comfy.utils.ProgressBar(total), 0

    def show(self, done: int, preview: Image.Image | None = None) -> None:
        stop_if_cancelled()
        self.done = max(self.done, done)
        self.bar.update_absolute(self.done, preview=preview and ("JPEG", preview, None))


def show_text(node: str | None, text: str) -> None:
    """Shows a text on a node of the page, whichever node is being executed."""
    from server import PromptServer

    if node and text:
        PromptServer.instance.send_progress_text(text, node)


def free_memory() -> None:
    """Everything that ComfyUI can do without goes; before a second attempt."""
    comfy.model_management.unload_all_models()
    comfy.model_management.soft_empty_cache()


@contextmanager
def cancellable() -> Iterator[None]:
    """Cancel is heeded before every layer of every network, wherever in the core it is called."""
    hook = register_module_forward_pre_hook(lambda module, given: stop_if_cancelled())
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def gradients_allowed() -> Iterator[None]:
    """Nodes run in inference mode; networks loaded or used for gradients must not."""
    with torch.inference_mode(False):
        yield


@contextmanager
def on_device(recognisers: Sequence[Judge], device: str, beside: Sequence[Any] = ()) -> Iterator[None]:
    """Recognisers on the device while they are used; ComfyUI makes room for them first and has it back afterwards.

    `beside` are patchers of models that have to stay loaded.
    """
    management = comfy.model_management
    needed = management.minimum_inference_memory() + sum(map(room_for, recognisers))
    stay = [management.LoadedModel(patcher) for patcher in beside]
    management.free_memory(needed, torch.device(device), keep_loaded=stay)
    try:
        _move(recognisers, device)
        yield
    finally:
        _move(recognisers, "cpu")


def _move(recognisers: Sequence[Judge], device: str) -> None:
    # In inference mode, where nodes run, weights that move become unfit for gradients.
    with torch.inference_mode(False):
        for recogniser in recognisers:
            recogniser.to(device)
