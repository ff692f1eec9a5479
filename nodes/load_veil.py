"""Node: Load Veil."""

from __future__ import annotations

from pathlib import Path

from comfy_api.latest import io

from ..core.errors import InputError
from ..core.veil.files import SUFFIX, load_veil
from .adapters.files import kept_folders
from .parts.keeping import NONE, files_in
from .parts.sockets import CATEGORY, Veils, schema
from .parts.stamps import stamp
from .parts.veiling import FOLDER


class LoadVeil(io.ComfyNode):
    """A veil that was kept."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="FaceVeilLoadVeil",
            display_name="Load Veil",
            category=CATEGORY,
            search_aliases=["veil", "open veil"],
            description="A veil from a file: one that Save Veil kept, or that faceveil veil learn wrote.",
            inputs=[
                io.Combo.Input(
                    "veil",
                    options=list(_veils()) or [NONE],
                    tooltip="Files that end in .veil, in faceveil/veils of ComfyUI's output or input folder or in "
                    "models/faceveil/veils. Press R after adding one.",
                ),
            ],
            outputs=[Veils.Output(display_name="veil", tooltip="For Apply Veil, Veil Curve, Protect Video.")],
        )

    @classmethod
    def fingerprint_inputs(cls, veil: str) -> str:
        return stamp(path for name, path in _veils().items() if name == veil)

    @classmethod
    def execute(cls, veil: str) -> io.NodeOutput:
        path = _veils().get(veil)
        if path is None:
            raise InputError(f"There is no veil '{veil}' any more: keep one with Save Veil, then press R.")
        return io.NodeOutput((load_veil(path),))


def _veils() -> dict[str, Path]:
    return files_in(kept_folders(FOLDER), SUFFIX)
