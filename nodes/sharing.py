"""Node: Simulate Sharing."""

from __future__ import annotations

import torch
from comfy_api.latest import io

from ..core.images import to_bchw, to_bhwc
from ..core.sharing.upload import UPLOADS
from .adapters.host import Bar
from .adapters.pictures import image_of, pictures_of
from .parts.sockets import CATEGORY, schema


class Sharing(io.ComfyNode):
    """What others get to see of a posted picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="FaceVeilSharing",
            display_name="Simulate Sharing",
            category=CATEGORY,
            search_aliases=["jpeg", "compress", "screenshot", "upload"],
            description="Does to a picture what posting it does: real encoders, real scaling.",
            inputs=[
                io.Image.Input("image", tooltip="One picture or a batch."),
                io.Combo.Input(
                    "upload",
                    options=list(UPLOADS),
                    default="jpeg75",
                    tooltip="jpeg75, jpeg50, webp75: encoded at that quality. half: shrunk to half and enlarged. "
                    "blur: one pixel. mean5: each pixel the mean of 5 x 5. screenshot: shown smaller, captured and "
                    "encoded.",
                ),
            ],
            outputs=[io.Image.Output(display_name="shared", tooltip="The picture as others get it, of the same size.")],
        )

    @classmethod
    def execute(cls, image: torch.Tensor, upload: str) -> io.NodeOutput:
        pictures = pictures_of(image)
        bar, shared = Bar(len(pictures)), []
        for picture in pictures:
            shared.append(to_bhwc(UPLOADS[upload](to_bchw(picture))))
            bar.show(len(shared))
        return io.NodeOutput(image_of(shared, image[..., :3]))
