"""Node: Save Veil."""

from __future__ import annotations

from pathlib import Path

from comfy_api.latest import io

from ..core.veil.veil import Veil
from .parts.sockets import CATEGORY, Veils, schema
from .parts.veiling import FOLDER, keep_veils


class SaveVeil(io.ComfyNode):
    """Keeps a veil for other photos and films."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="FaceVeilSaveVeil",
            display_name="Save Veil",
            category=CATEGORY,
            search_aliases=["veil", "export veil"],
            description="Writes a veil into faceveil/veils of ComfyUI's output folder, where Load Veil finds it. No "
            "picture and no embedding is in the file; who has it and a protected photo can undo a part of the change.",
            is_output_node=True,
            inputs=[
                Veils.Input("veil", tooltip="From Protect Portrait or Learn Veil; of a batch each becomes a file."),
                io.String.Input("name", default="me", tooltip="What the file is called; numbered where it is taken."),
            ],
            outputs=[io.String.Output(display_name="files", tooltip="What was written.")],
        )

    @classmethod
    def execute(cls, veil: tuple[Veil | None, ...], name: str) -> io.NodeOutput:
        import folder_paths

        written = keep_veils(veil, Path(folder_paths.get_output_directory()) / FOLDER, name)
        return io.NodeOutput("\n".join(path.name for path in written))
