"""Node: Find Faces."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io

from ..core.faces.scrfd import scrfd_in
from .adapters.host import Bar, cancellable
from .adapters.pictures import image_of, pictures_of
from .parts.boxes import boxes_of
from .parts.drawing import draw_faces
from .parts.finding import find_in_pictures
from .parts.sockets import CATEGORY, Analysis, Boxes, Faces, faces_input, schema


class FindFaces(io.ComfyNode):
    """Where the faces are, before anything is changed."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="FaceVeilFindFaces",
            display_name="Find Faces",
            category=CATEGORY,
            search_aliases=["face detection", "detect faces", "face mask"],
            description="Finds faces and shows them with their numbers; gives a soft mask of their ovals.",
            inputs=[
                io.Image.Input("image", tooltip="One picture or a batch."),
                faces_input(),
                io.Float.Input(
                    "grow",
                    default=1.0,
                    min=0.5,
                    max=2.0,
                    step=0.05,
                    tooltip="Size of the masks' ovals; 1 is the face from hairline to chin.",
                ),
                io.Combo.Input(
                    "detector",
                    options=["built in", "scrfd"],
                    default="built in",
                    optional=True,
                    tooltip="scrfd: InsightFace's, for faces turned away or covered, from models/insightface "
                    "(det_10g.onnx, in buffalo_l); needs the Python package insightface.",
                ),
                Analysis.Input(
                    "insightface",
                    optional=True,
                    tooltip="A loaded InsightFace (from IPAdapter, InstantID, PuLID): its detector is used instead.",
                ),
                Boxes.Input(
                    "boxes",
                    optional=True,
                    tooltip="Boxes or face landmarks from ComfyUI's own detectors (MediaPipe, SAM 3, RT-DETR), or SEGS "
                    "of the Impact Pack, for the same pictures: faces are looked for there alone, and numbered in "
                    "their order.",
                ),
            ],
            outputs=[
                Faces.Output(
                    display_name="found", tooltip="The chosen faces, for Protect Portrait and Protection Verdict."
                ),
                io.Mask.Output(
                    display_name="mask", tooltip="White on the chosen faces with a soft rim; for the input 'mask'."
                ),
                io.Image.Output(display_name="preview", tooltip="The picture with boxes, points and numbers."),
            ],
        )

    @classmethod
    def execute(
        cls,
        image: torch.Tensor,
        faces: str,
        grow: float,
        detector: str = "built in",
        insightface: Any = None,
        boxes: Any = None,
    ) -> io.NodeOutput:
        pictures = pictures_of(image)
        named = "scrfd" if detector == "scrfd" else "auto"
        looks = named if insightface is None else scrfd_in(insightface)
        drawn = None if boxes is None else boxes_of(boxes, len(pictures), (image.shape[1], image.shape[2]))
        bar = Bar(len(pictures))
        with cancellable():
            found, mask = find_in_pictures(pictures, faces, grow, bar.show, looks, drawn)
        previews = [draw_faces(picture, chosen) for picture, chosen in zip(pictures, found, strict=True)]
        return io.NodeOutput(found, mask, image_of(previews, image[..., :3]))
