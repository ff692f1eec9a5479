"""Node: Save Trajectory."""

from __future__ import annotations

from pathlib import Path

from comfy_api.latest import io

from ..core.trajectory.files import SUFFIX, save_trajectory
from .parts.keeping import free_place
from .parts.sockets import CATEGORY, Trajectories, schema
from .parts.walked import FOLDER, Walked


class SaveTrajectory(io.ComfyNode):
    """Keeps a picture's path for other edits of it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="FaceVeilSaveTrajectory",
            display_name="Save Trajectory",
            category=CATEGORY,
            is_experimental=True,
            search_aliases=["trajectory", "export trajectory", "save inversion"],
            description="Writes a trajectory into faceveil/trajectories of ComfyUI's output folder, where Load "
            "Trajectory finds it. Whoever has the file and the model can make the picture of it: keep it as you keep "
            "the original.",
            is_output_node=True,
            inputs=[
                Trajectories.Input(
                    "trajectory",
                    tooltip="From Invert to Trajectory. Embeddings that were learned for it are not kept.",
                ),
                io.String.Input("name", default="me", tooltip="What the file is called; numbered where it is taken."),
            ],
            outputs=[io.String.Output(display_name="file", tooltip="What was written.")],
        )

    @classmethod
    def execute(cls, trajectory: Walked, name: str) -> io.NodeOutput:
        import folder_paths

        place = free_place(Path(folder_paths.get_output_directory()) / FOLDER, name, SUFFIX)
        save_trajectory(trajectory.path, place)
        return io.NodeOutput(place.name)
