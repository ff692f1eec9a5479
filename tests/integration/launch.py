"""`python launch.py COMFYUI_FOLDER [arguments of its main.py]`: ComfyUI on a machine without a GPU.

Where torch is a CPU build and torchvision the CUDA one, importing torchvision fails for want of two
operators that ComfyUI never uses there: they are declared first. torchaudio, which newer versions import at
their start and use for sound alone, does not load at all there: an empty module takes its place.
"""

import runpy
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import torch


def declare_operators() -> None:
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    # A library that is collected takes its operators along.
    sys.modules["torchvision_operators"] = library


def forget(package: str) -> None:
    """What an import that failed half way has left behind."""
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]


def pretend_torchaudio() -> None:
    for name in ("torchaudio", "torchaudio.functional", "torchaudio.transforms"):
        module = ModuleType(name)
        # Others ask whether it is there, which needs a spec.
        module.__spec__ = ModuleSpec(name, None)
        sys.modules[name] = module
        parent, _, part = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], part, module)


def stand_in() -> None:
    """For what torchvision and torchaudio lack beside a CPU torch."""
    if torch.version.cuda is not None or torch.version.hip is not None:
        return
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        forget("torchvision")
        declare_operators()
    try:
        import torchaudio  # noqa: F401
    except (ImportError, OSError, RuntimeError):
        forget("torchaudio")
        pretend_torchaudio()


if __name__ == "__main__":
    folder = Path(sys.argv[1]).resolve()
    sys.path[0] = str(folder)
    sys.argv = ["main.py", *sys.argv[2:]]
    stand_in()
    runpy.run_path(str(folder / "main.py"), run_name="__main__")
