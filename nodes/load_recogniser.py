"""Node: Load Face Recogniser."""

from __future__ import annotations

from comfy_api.latest import io

from ..core.recognisers.catalogue import entries, load_recogniser
from ..core.recognisers.recogniser import Recogniser
from .adapters.host import gradients_allowed
from .sockets import CATEGORY, Recognisers, schema
from .stamps import recogniser_stamp


class LoadRecogniser(io.ComfyNode):
    """One recogniser by name, added to those that came before it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        here = [entry.name for entry in entries() if entry.state != "not here"]
        return schema(
            node_id="FaceVeilLoadRecogniser",
            display_name="Load Face Recogniser",
            category=CATEGORY,
            search_aliases=["insightface", "arcface", "face recognition model", "onnx"],
            description="A face-recognition network: to protect against, or to judge the result by. Chain several.",
            inputs=[
                io.Combo.Input(
                    "recogniser",
                    options=here,
                    default=here[0],
                    tooltip="Those found on this machine; dlib is built in. Put more (.onnx) into models/insightface "
                    "or models/faceveil/recognisers and press R.",
                ),
                Recognisers.Input(
                    "others",
                    optional=True,
                    tooltip="Recognisers to add this one to: chain several Load Face Recogniser nodes.",
                ),
            ],
            outputs=[
                Recognisers.Output(
                    display_name="recognisers",
                    tooltip="For Protect Portrait and Protection Verdict: 'recognisers' or 'judges'.",
                )
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, recogniser: str, others: object = None) -> str:
        return recogniser_stamp(recogniser)

    @classmethod
    def execute(cls, recogniser: str, others: tuple[Recogniser, ...] = ()) -> io.NodeOutput:
        with gradients_allowed():
            loaded = load_recogniser(recogniser)
        return io.NodeOutput((*(other for other in others or () if other.name != loaded.name), loaded))
