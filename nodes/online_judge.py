"""Node: Online Judge."""

from __future__ import annotations

import logging

from comfy_api.latest import io

from ..core.recognisers.judge import Judge
from ..core.services.catalogue import load_judge, service_names
from ..core.services.patience import CALLS
from .adapters.host import show_text, stop_if_cancelled
from .parts.sockets import CATEGORY, Recognisers, schema

log = logging.getLogger("faceveil")
_AGREE = "Switch 'send my picture' on to agree."


class OnlineJudge(io.ComfyNode):
    """A service that says whether it still matches: off until somebody agrees to what it is sent."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        services = service_names()
        return schema(
            node_id="FaceVeilOnlineJudge",
            display_name="Online Judge",
            category=CATEGORY,
            search_aliases=["aws rekognition", "face++", "face comparison service", "cloud"],
            description="Asks a service that sells face comparison whether it still matches. Off until you agree: "
            "crops of the faces leave this machine, and calls cost money. For pictures of yourself, or of people who "
            "agreed.",
            inputs=[
                io.Combo.Input(
                    "service",
                    options=services,
                    default=services[0],
                    tooltip="Whom to ask. Your key is read from the environment that ComfyUI was started with (or, for "
                    "AWS, from its own files), and never from a workflow; the help page says how it is called.",
                ),
                io.Boolean.Input(
                    "send",
                    default=False,
                    display_name="send my picture",
                    tooltip="On: crops of the faces in all pictures that are judged or compared with go to the "
                    "service. Off: nothing is sent, and running the node says what would be.",
                ),
                io.Int.Input(
                    "calls",
                    default=CALLS,
                    min=1,
                    max=10_000,
                    display_name="calls at most",
                    tooltip="The node stops when it has asked so often; a face takes five calls. What was answered is "
                    "remembered and not asked again. Change the number to begin anew.",
                ),
                Recognisers.Input("others", optional=True, tooltip="Judges to add this one to."),
            ],
            hidden=[io.Hidden.unique_id],
            outputs=[
                Recognisers.Output(
                    display_name="judges",
                    tooltip="For 'judges' of Protection Verdict and Protect Portrait. It cannot be protected against.",
                )
            ],
        )

    @classmethod
    def execute(cls, service: str, send: bool, calls: int, others: tuple[Judge, ...] | None = None) -> io.NodeOutput:
        def say(sentence: str) -> None:
            log.warning("FaceVeil: %s", sentence)
            show_text(cls.hidden.unique_id, sentence)

        judge = load_judge(service, send, calls, agree=_AGREE, on_notice=say, on_call=stop_if_cancelled)
        return io.NodeOutput((*(other for other in others or () if other.name != judge.name), judge))
