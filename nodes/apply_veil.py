"""Node: Apply Veil."""

from __future__ import annotations

import torch
from comfy_api.latest import io

from ..core.faces.face import Face
from ..core.recognisers.automatic import load_automatic
from ..core.veil.veil import MOST, Veil
from ..core.verdict.verify import witnesses_of
from .adapters.host import Bar, cancellable, gradients_allowed, on_device, pick_device
from .adapters.pictures import image_of, pictures_of
from .parts.judging import LOOKED_AT, look_at
from .parts.sockets import CATEGORY, Faces, Veils, compare_input, faces_input, schema
from .parts.veiling import wear_in_pictures


class ApplyVeil(io.ComfyNode):
    """What a search has found, worn by any picture at once."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="FaceVeilApplyVeil",
            display_name="Apply Veil",
            category=CATEGORY,
            search_aliases=["veil", "wear a cloak", "strength slider"],
            description="Faces wear a veil, at any strength and without a search. Only Protection Verdict says whether "
            "that is enough.",
            # As Protect Portrait: the page is sent before and after again when the result is still remembered.
            is_output_node=True,
            inputs=[
                io.Image.Input("image", tooltip="One picture or a batch, of any size."),
                Veils.Input(
                    "veil", tooltip="From Protect Portrait, Learn Veil or Load Veil: one for all pictures, or one each."
                ),
                io.Float.Input(
                    "amount",
                    default=1.0,
                    min=0.0,
                    max=MOST,
                    step=0.05,
                    tooltip="0 changes nothing, 1 is what was found, more goes beyond. Veil Curve draws what it does.",
                ),
                faces_input(),
                Faces.Input(
                    "found",
                    optional=True,
                    tooltip="From Find Faces: these faces wear it instead of all that are found.",
                ),
                compare_input(),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The pictures with their faces veiled."),
                io.Mask.Output(display_name="changed", tooltip="White where a pixel differs from the original."),
            ],
        )

    @classmethod
    def execute(
        cls,
        image: torch.Tensor,
        veil: tuple[Veil | None, ...],
        amount: float,
        faces: str,
        found: list[list[Face]] | None = None,
        compare: bool = True,
    ) -> io.NodeOutput:
        from .parts.comparing import page_data

        pictures, device = pictures_of(image), pick_device()
        count = len(pictures)
        bar = Bar(count + min(count, LOOKED_AT))
        with cancellable():
            veiled = wear_in_pictures(pictures, veil, amount, faces, found, bar.show)
            with gradients_allowed():
                recognisers = load_automatic()
                with on_device(recognisers, device):
                    rows = look_at(
                        pictures,
                        veiled.pictures,
                        witnesses_of(recognisers),
                        veiled.faces,
                        device,
                        lambda done: bar.show(count + done),
                    )
        return io.NodeOutput(image_of(veiled.pictures, image), veiled.changed, ui=page_data(rows, compare))
