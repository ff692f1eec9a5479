"""What the nodes ask of ComfyUI while they work: the device, the bar with its preview, and whether to stop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import comfy.model_management
import comfy.utils
import torch
from PIL import Image
from torch.nn.modules.module import register_module_forward_pre_hook

from ...core.recognisers.recogniser import Recogniser


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
def on_device(recognisers: Sequence[Recogniser], device: str) -> Iterator[None]:
    """Recognisers on the device while they are used; afterwards its memory is ComfyUI's again."""
    try:
        for recogniser in recognisers:
            recogniser.to(device)
        yield
    finally:
        for recogniser in recognisers:
            recogniser.to("cpu")
