"""Node: Edit Region."""

from __future__ import annotations

import torch
from comfy_api.latest import io

from ..core.faces.regions import REGIONS, named_regions, region_mask
from .adapters.host import cancellable, gradients_allowed
from .adapters.pictures import pictures_of
from .finding import find_in_pictures
from .sockets import CATEGORY, faces_input

FROM_WORDS = "from the words"


class EditRegion(io.ComfyNode):
    """A mask of the part of the face that a prompt is about."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FaceVeilEditRegion",
            display_name="Edit Region",
            category=CATEGORY,
            description="Finds the part of the face that a prompt talks about (red lipstick: the lips) and masks it. "
            "Drawn from the eyes, nose and mouth; hair is only rough.",
            inputs=[
                io.Image.Input("image", tooltip="Pictures with a face."),
                io.String.Input("words", default="red lipstick", tooltip="A prompt; its words choose the regions."),
                io.Combo.Input(
                    "region",
                    options=[FROM_WORDS, *REGIONS],
                    default=FROM_WORDS,
                    tooltip="A region by name, whatever the words say.",
                ),
                faces_input(),
                io.Float.Input(
                    "softness", default=0.5, min=0.0, max=1.0, step=0.05, tooltip="Share of the radius the rim takes."
                ),
            ],
            outputs=[io.Mask.Output(display_name="mask", tooltip="White where to edit.")],
        )

    @classmethod
    def execute(cls, image: torch.Tensor, words: str, region: str, faces: str, softness: float) -> io.NodeOutput:
        chosen = named_regions(words) if region == FROM_WORDS else [region]
        with gradients_allowed(), cancellable():
            pictures = pictures_of(image)
            found, _ = find_in_pictures(pictures, faces)
            masks = [
                region_mask(each, chosen, *picture.shape[1:3], softness)[:, 0]
                for picture, each in zip(pictures, found, strict=True)
            ]
            return io.NodeOutput(torch.cat(masks))
