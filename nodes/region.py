"""Node: Edit Region."""

from __future__ import annotations

import torch
from comfy_api.latest import io

from ..core.images import to_bchw
from ..core.regions.geometry import POINTS
from ..core.regions.named import REGIONS, named_regions, region_mask
from .adapters.host import cancellable, gradients_allowed
from .adapters.pictures import pictures_of
from .parts.finding import find_in_pictures
from .parts.outlines import NONE, landmark_choices, outline_files, outlines, parser_choices
from .parts.sockets import CATEGORY, faces_input, schema
from .parts.stamps import stamp

FROM_WORDS = "from the words"


class EditRegion(io.ComfyNode):
    """A mask of the part of the face that a prompt is about."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="FaceVeilEditRegion",
            display_name="Edit Region",
            category=CATEGORY,
            search_aliases=["face mask", "face parsing", "lips", "hair"],
            description="Finds the part of the face that a prompt talks about (red lipstick: the lips) and masks it. "
            "Drawn from the eyes, nose and mouth unless told otherwise; hair is then only rough.",
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
                io.Combo.Input(
                    "landmarks",
                    options=landmark_choices(),
                    default=POINTS,
                    optional=True,
                    tooltip="Draw along landmarks instead of the five points: tighter (lips without teeth). dlib68, or "
                    "a 2d106det.onnx in models/insightface or models/faceveil/landmarks.",
                ),
                io.Combo.Input(
                    "parser",
                    options=parser_choices(),
                    default=NONE,
                    optional=True,
                    tooltip="Draw as a face parser sees the parts, hair included: a BiSeNet with 19 parts (.onnx) in "
                    "models/faceveil/parsers.",
                ),
            ],
            outputs=[io.Mask.Output(display_name="mask", tooltip="White where to edit.")],
        )

    @classmethod
    def fingerprint_inputs(cls, landmarks: str = POINTS, parser: str = NONE, **others: object) -> str:
        return stamp(outline_files(landmarks, parser))

    @classmethod
    def execute(
        cls,
        image: torch.Tensor,
        words: str,
        region: str,
        faces: str,
        softness: float,
        landmarks: str = POINTS,
        parser: str = NONE,
    ) -> io.NodeOutput:
        chosen = named_regions(words) if region == FROM_WORDS else [region]
        with gradients_allowed(), cancellable():
            pictures = pictures_of(image)
            of_picture = outlines(landmarks, parser)
            found, _ = find_in_pictures(pictures, faces)
            masks = []
            for picture, each in zip(pictures, found, strict=True):
                height, width = picture.shape[1:3]
                masks.append(region_mask(each, chosen, height, width, softness, of_picture(to_bchw(picture)))[:, 0])
            return io.NodeOutput(torch.cat(masks))
