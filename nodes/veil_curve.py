"""Node: Veil Curve."""

from __future__ import annotations

import torch
from comfy_api.latest import io

from ..core.errors import InputError
from ..core.faces.find import find_faces
from ..core.images import from_pil
from ..core.recognisers.automatic import load_automatic
from ..core.recognisers.judge import Judge
from ..core.veil.veil import Veil
from ..core.verdict.curve import draw_curve
from ..core.verdict.veils import AMOUNTS, table, trade_off
from ..core.verdict.verify import Witness
from .adapters.host import Bar, cancellable, gradients_allowed, on_device, pick_device
from .adapters.pictures import tensors_of
from .parts.finding import refuse_faceless
from .parts.sockets import CATEGORY, Recognisers, Veils, far_input, schema
from .parts.veiling import LOOKS_LIKE_NONE


class VeilCurve(io.ComfyNode):
    """Similarity and looks over the amount: what to choose by."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="FaceVeilCurve",
            display_name="Veil Curve",
            category=CATEGORY,
            search_aliases=["veil", "trade-off", "plot", "face similarity"],
            description="How alike recognisers find the face, and how much shows, over the amount of a veil.",
            inputs=[
                io.Image.Input("image", tooltip="The original; its largest face is looked at, of a batch the first."),
                Veils.Input("veil", tooltip="The veil that it wears."),
                far_input(),
                Recognisers.Input("recognisers", optional=True, tooltip="Who compares. Nothing connected: auto."),
                io.Image.Input(
                    "gallery", optional=True, tooltip="Other photos of the person; otherwise the original itself."
                ),
            ],
            outputs=[
                io.Image.Output(display_name="plot", tooltip="The curve."),
                io.String.Output(display_name="table", tooltip="The same in figures."),
            ],
        )

    @classmethod
    def execute(
        cls,
        image: torch.Tensor,
        veil: tuple[Veil | None, ...],
        far: str,
        recognisers: tuple[Judge, ...] | None = None,
        gallery: torch.Tensor | None = None,
    ) -> io.NodeOutput:
        if veil[0] is None:
            raise InputError(LOOKS_LIKE_NONE)
        picture, others, device = tensors_of(image, "image")[0], tensors_of(gallery, "gallery"), pick_device()
        bar = Bar(len(AMOUNTS))
        with gradients_allowed(), cancellable():
            witnesses = [Witness(each) for each in recognisers or load_automatic(far, ())]
            refuse_faceless(others, "gallery")
            face = find_faces(picture, which="largest")[0]
            with on_device([each.recogniser for each in witnesses], device):
                points = trade_off(
                    picture.to(device),
                    face.to(device),
                    veil[0],
                    witnesses,
                    [photo.to(device) for photo in others],
                    far,
                    on_step=lambda done, of: bar.show(done),
                )
        return io.NodeOutput(from_pil(draw_curve(points)), "\n".join(table(points)))
