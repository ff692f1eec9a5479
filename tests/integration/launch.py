"""`python launch.py COMFYUI_FOLDER [arguments of its main.py]`: ComfyUI on a machine without a GPU.

Where torch is a CPU build and torchvision the CUDA one, importing torchvision fails for want of two
operators that ComfyUI never uses there: they are declared first.
"""

import runpy
import sys
from pathlib import Path

import torch


def declare_operators() -> None:
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    # A library that is collected takes its operators along.
    sys.modules["torchvision_operators"] = library


if __name__ == "__main__":
    folder = Path(sys.argv[1]).resolve()
    sys.path[0] = str(folder)
    sys.argv = ["main.py", *sys.argv[2:]]
    if torch.version.cuda is None and torch.version.hip is None:
        try:
            import torchvision  # noqa: F401
        except RuntimeError:
            for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
                del sys.modules[name]
            declare_operators()
    runpy.run_path(str(folder / "main.py"), run_name="__main__")
