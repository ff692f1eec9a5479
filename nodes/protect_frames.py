"""Node: Protect Frames."""

from __future__ import annotations

import torch
from comfy_api.latest import io

from ..core.recognisers.judge import Judge
from ..core.recognisers.recogniser import Recogniser
from ..core.veil.veil import Veil
from .adapters.host import Bar, cancellable, gradients_allowed, on_device, pick_device
from .adapters.pictures import frames_of
from .parts.film_inputs import film_inputs, film_outputs, parties
from .parts.filming import Filming, protect_batch, wardrobe_of
from .parts.sockets import CATEGORY, schema


class ProtectFrames(io.ComfyNode):
    """The frames of a film as a batch of pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="FaceVeilProtectFrames",
            display_name="Protect Frames",
            category=CATEGORY,
            search_aliases=["video", "batch", "animation", "frames", "face privacy of frames"],
            description="Protect Video for frames that are pictures already: those of AnimateDiff, Wan, or any loader. "
            "One veil for each person and shot, so that nothing flickers.",
            inputs=[
                io.Image.Input("images", tooltip="The frames, in their order."),
                io.Float.Input(
                    "fps", default=24.0, min=1.0, max=240.0, step=0.001, tooltip="Frames a second: how fast faces move."
                ),
                *film_inputs(),
            ],
            outputs=[io.Image.Output(display_name="images", tooltip="The protected frames."), *film_outputs()],
        )

    @classmethod
    def execute(
        cls,
        images: torch.Tensor,
        fps: float,
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
        with gradients_allowed(), cancellable():
            frames = frames_of(images)
            surrogates, witnesses = parties(far, recognisers, judges)
            wardrobe = wardrobe_of(strength, far, seed, surrogates, veil)
            show = lambda done, what: bar.show(round(1000 * done))
            with on_device([witness.recogniser for witness in witnesses], device):
                text, worn = protect_batch(frames, fps, Filming(wardrobe, faces, amount, witnesses, show, device))
        return io.NodeOutput(frames.to(images.device), text, tuple(worn[:1]))
