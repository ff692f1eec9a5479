"""Node: Load Face Recogniser."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..core.recognisers.automatic import AUTO, load_automatic
from ..core.recognisers.catalogue import entries, load_recogniser, weights_in
from ..core.recognisers.judge import Judge
from .adapters.host import gradients_allowed
from .parts.sockets import CATEGORY, Analysis, Recognisers, schema
from .parts.stamps import recogniser_stamp


class LoadRecogniser(io.ComfyNode):
    """One recogniser by name, added to those that came before it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        here = [AUTO, *(entry.name for entry in entries() if entry.state != "not here")]
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
                    default=AUTO,
                    tooltip="auto: those built in (dlib, sface) and the strongest of each further family that is here "
                    "and may be used for everything. Put more (.onnx) into models/insightface or "
                    "models/faceveil/recognisers and press R.",
                ),
                Recognisers.Input(
                    "others",
                    optional=True,
                    tooltip="Recognisers to add this one to: chain several Load Face Recogniser nodes.",
                ),
                Analysis.Input(
                    "insightface",
                    optional=True,
                    tooltip="A loaded InsightFace (from IPAdapter, InstantID, PuLID): its recogniser is added too.",
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
    def fingerprint_inputs(cls, recogniser: str, others: object = None, insightface: object = None) -> str:
        return recogniser_stamp(recogniser)

    @classmethod
    def execute(cls, recogniser: str, others: tuple[Judge, ...] = (), insightface: Any = None) -> io.NodeOutput:
        with gradients_allowed():
            loaded = load_automatic() if recogniser == AUTO else (load_recogniser(recogniser),)
            if insightface is not None:
                further = load_recogniser(weights_in(insightface))
                loaded = (*(one for one in loaded if one.name != further.name), further)
        names = {one.name for one in loaded}
        return io.NodeOutput((*(other for other in others or () if other.name not in names), *loaded))
