"""Node: Load Trajectory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from comfy_api.latest import io

from ..core.errors import InputError
from ..core.trajectory.files import SUFFIX, load_trajectory
from .adapters.files import kept_folders
from .parts.keeping import NONE, files_in
from .parts.sockets import CATEGORY, Trajectories, schema
from .parts.stamps import stamp
from .parts.walked import FOLDER, Walked


class LoadTrajectory(io.ComfyNode):
    """A picture's path that was kept."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="FaceVeilLoadTrajectory",
            display_name="Load Trajectory",
            category=CATEGORY,
            is_experimental=True,
            search_aliases=["trajectory", "open trajectory", "load inversion"],
            description="A picture's trajectory from a file: one that Save Trajectory kept, or that faceveil edit "
            "--trajectory wrote. It serves that picture and the model it was made with, and no others.",
            inputs=[
                io.Combo.Input(
                    "trajectory",
                    options=list(_trajectories()) or [NONE],
                    tooltip="Files that end in .trajectory, in faceveil/trajectories of ComfyUI's output or input "
                    "folder or in models/faceveil/trajectories. Press R after adding one.",
                ),
                io.Conditioning.Input("prompt", tooltip="The prompt that the picture was inverted with."),
            ],
            outputs=[
                Trajectories.Output(
                    display_name="trajectory",
                    tooltip="For Learn Unconditional Embeddings and Trajectory-Aligned Editor.",
                )
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, trajectory: str, prompt: Any = None) -> str:
        return stamp(path for name, path in _trajectories().items() if name == trajectory)

    @classmethod
    def execute(cls, trajectory: str, prompt: Any) -> io.NodeOutput:
        path = _trajectories().get(trajectory)
        if path is None:
            raise InputError(
                f"There is no trajectory '{trajectory}' any more: keep one with Save Trajectory, then press R."
            )
        return io.NodeOutput(Walked(load_trajectory(path), prompt))


def _trajectories() -> dict[str, Path]:
    return files_in(kept_folders(FOLDER), SUFFIX)
