"""Node: Save Protected."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io

from .adapters.pictures import alphas_of, pictures_of
from .parts.order import warnings_before
from .parts.saving import SUFFIXES, save_pictures, without_fingerprints
from .parts.sockets import CATEGORY, rare, schema


class SaveProtected(io.ComfyNode):
    """Saves what may be published: ComfyUI's own Save Image tells of the original in every file."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="FaceVeilSaveProtected",
            display_name="Save Protected",
            category=CATEGORY,
            search_aliases=["save image", "export image", "save without workflow", "strip metadata", "jpeg", "webp"],
            description="Saves pictures with nothing in the files but pixels. Save Image writes the whole prompt into "
            "every picture: the original's file name and fingerprint, and how it was protected.",
            is_output_node=True,
            inputs=[
                io.Image.Input("images", tooltip="The protected pictures."),
                io.String.Input(
                    "filename_prefix",
                    default="faceveil/protected",
                    tooltip="Folder and beginning of the name inside ComfyUI's output folder; files are numbered.",
                ),
                io.Combo.Input(
                    "format",
                    options=list(SUFFIXES),
                    default="png",
                    tooltip="png and webp keep every pixel. jpeg is smaller and may undo a little of the protection: "
                    "look at the verdict's jpeg rows.",
                ),
                rare(io.Int.Input, "quality", default=95, min=1, max=100, tooltip="For jpeg alone."),
                rare(
                    io.Boolean.Input,
                    "embed",
                    default=False,
                    display_name="embed workflow",
                    tooltip="Off: the file says nothing. On: whoever gets the picture can open this workflow from it, "
                    "and reads the original's file name, your prompts, models and settings, and the seed that "
                    "protected it. For your own archive, not for publishing.",
                ),
            ],
            outputs=[],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt, io.Hidden.extra_pnginfo],
        )

    @classmethod
    def execute(
        cls, images: torch.Tensor, filename_prefix: str, format: str, quality: int, embed: bool
    ) -> io.NodeOutput:
        from .adapters.files import numbered_place
        from .adapters.host import show_text

        pictures = pictures_of(images, "images")
        place = numbered_place(filename_prefix, *images.shape[1:3])
        written = save_pictures(
            pictures,
            alphas_of(images),
            place.folder,
            place.name,
            place.counter,
            format,
            quality,
            embedded_metadata(cls.hidden) if embed else None,
        )
        node = cls.hidden.unique_id
        show_text(node, "\n".join(warnings_before(cls.hidden.prompt or {}, str(node))))
        shown = [{"filename": file, "subfolder": place.subfolder, "type": "output"} for file in written]
        return io.NodeOutput(ui={"images": shown})


def embedded_metadata(hidden: Any) -> dict[str, Any] | None:
    """What ComfyUI's Save Image embeds, less the fingerprints; nothing where ComfyUI was told to embed nothing."""
    from comfy.cli_args import args

    if args.disable_metadata:
        return None
    return {"prompt": without_fingerprints(hidden.prompt or {}), **(hidden.extra_pnginfo or {})}
