"""Node: Decoy Identity."""

from __future__ import annotations

import torch
from comfy_api.latest import io

from .adapters.host import cancellable
from .adapters.pictures import tensors_of
from .parts.finding import refuse_faceless
from .parts.sockets import CATEGORY, DecoyFaces, schema


class Decoy(io.ComfyNode):
    """A face for recognisers to see instead."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="FaceVeilDecoy",
            display_name="Decoy Identity",
            category=CATEGORY,
            search_aliases=["target face", "impersonate"],
            description="Besides no longer matching you, the protected face will resemble this one to recognisers.",
            inputs=[
                io.Image.Input(
                    "image",
                    tooltip="A synthetic face, or that of somebody who agreed: its largest face counts. Of several "
                    "pictures each protected face takes the one it is nearest to.",
                )
            ],
            outputs=[DecoyFaces.Output(display_name="decoy", tooltip="For Protect Portrait.")],
        )

    @classmethod
    def execute(cls, image: torch.Tensor) -> io.NodeOutput:
        faces = tensors_of(image, "image")
        with cancellable():
            refuse_faceless(faces, "image")
        return io.NodeOutput(faces)
