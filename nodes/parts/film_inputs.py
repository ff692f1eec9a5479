"""What Protect Video and Protect Frames ask for alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from comfy_api.latest import io

from ...core.methods.recipes import DEFAULT, STRENGTHS
from ...core.recognisers.automatic import load_automatic
from ...core.recognisers.ensemble import refuse_services
from ...core.recognisers.judge import Judge
from ...core.recognisers.recogniser import Recogniser
from ...core.veil.veil import MOST
from ...core.verdict.verify import Witness, witnesses_of
from .sockets import Recognisers, Veils, faces_input, far_input, seed_input


def film_inputs() -> list[Any]:
    return [
        io.Combo.Input(
            "strength", options=list(STRENGTHS), default=DEFAULT, tooltip="How much a veil that is searched may change."
        ),
        io.Float.Input(
            "amount", default=1.0, min=0.0, max=MOST, step=0.05, tooltip="How much of the veil: 1 is as it was found."
        ),
        seed_input("veils"),
        faces_input(),
        far_input(),
        Veils.Input(
            "veil",
            optional=True,
            tooltip="From Learn Veil or Load Veil: every face that is meant wears it, and nothing is searched.",
        ),
        Recognisers.Input("recognisers", optional=True, tooltip="What to protect against. Nothing connected: auto."),
        Recognisers.Input("judges", optional=True, tooltip="Recognisers that only look at the finished frames."),
    ]


def film_outputs() -> list[Any]:
    return [
        io.String.Output(display_name="report", tooltip="Which share of the frames is still matched, and by whom."),
        Veils.Output(display_name="veil", tooltip="The veil of the first face, for Save Veil."),
    ]


def parties(
    far: str,
    recognisers: Sequence[Recogniser] | None,
    judges: Sequence[Judge] | None,
) -> tuple[Sequence[Recogniser], list[Witness]]:
    """Who is protected against, and who has a word on the result."""
    refuse_services(judges or (), "judge films by")
    surrogates = recognisers or load_automatic(far, judges or ())
    return surrogates, witnesses_of(surrogates, judges or ())
