"""Node: Protect Video."""

from __future__ import annotations

import secrets
from typing import Any

from comfy_api.latest import io

from ..core.recognisers.judge import Judge
from ..core.recognisers.recogniser import Recogniser
from ..core.veil.veil import Veil
from .adapters.files import as_video, on_disk, temporary
from .adapters.host import Bar, cancellable, gradients_allowed, on_device, pick_device
from .parts.film_inputs import film_inputs, film_outputs, parties
from .parts.filming import Filming, protect_file, suffix_for, wardrobe_of
from .parts.sockets import CATEGORY, schema


class ProtectVideo(io.ComfyNode):
    """A film whose faces recognisers no longer match, frame after frame."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="FaceVeilProtectVideo",
            display_name="Protect Video",
            category=CATEGORY,
            search_aliases=["video", "film", "face privacy of films"],
            description="Follows the faces of a film, finds a veil for each person and shot, or takes yours, and puts "
            "it on every frame. Frames are streamed, so length costs no memory; sound and times stay as they are.",
            inputs=[io.Video.Input("video", tooltip="The film (Load Video)."), *film_inputs()],
            outputs=[io.Video.Output(display_name="video", tooltip="For Save Video."), *film_outputs()],
        )

    @classmethod
    def execute(
        cls,
        video: Any,
        strength: str,
        amount: float,
        seed: int,
        faces: str,
        far: str,
        veil: tuple[Veil | None, ...] | None = None,
        recognisers: tuple[Recogniser, ...] | None = None,
        judges: tuple[Judge, ...] | None = None,
    ) -> io.NodeOutput:
        bar, device = Bar(1000), pick_device()
        with gradients_allowed(), cancellable(), on_disk(video) as source:
            surrogates, witnesses = parties(far, recognisers, judges)
            wardrobe = wardrobe_of(strength, far, seed, surrogates, veil)
            target = temporary() / f"faceveil-{secrets.token_hex(8)}{suffix_for(source)}"
            with on_device([witness.recogniser for witness in witnesses], device):
                show = lambda done, what: bar.show(round(1000 * done))
                text, worn = protect_file(source, target, Filming(wardrobe, faces, amount, witnesses, show, device))
        return io.NodeOutput(as_video(target), text, tuple(worn[:1]))
