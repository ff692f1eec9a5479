"""Node: Guarded Sampler."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io

from ..core.methods.guard import GuardRecipe
from ..core.optimise import Settings
from ..core.recognisers.automatic import load_automatic
from ..core.recognisers.recogniser import Recogniser
from .adapters.pictures import tensors_of
from .parts.guard_report import guard_report
from .parts.sockets import CATEGORY, Recognisers, schema, tiny_input


class GuardedSampler(io.ComfyNode):
    """Protection while a picture is being generated."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="FaceVeilGuardedSampler",
            display_name="Guarded Sampler",
            category=CATEGORY,
            search_aliases=["privacy", "protect while sampling", "adversarial"],
            description="Takes any sampler and gives one that protects the face in its last steps. For Sampler Custom "
            "Advanced, with any guider, sigmas and model: a portrait made with a LoRA of you comes out protected. "
            "When sampling has ended, the node says whether the guard won; a picture without a face is refused.",
            inputs=[
                io.Sampler.Input(
                    "sampler",
                    tooltip="The sampler that does the work (KSamplerSelect). uni_pc, dpm_fast "
                    "and dpm_adaptive can take no single step: euler takes the guarded ones.",
                ),
                io.Vae.Input("vae", tooltip="The model's VAE: the guard looks at what it decodes."),
                io.Float.Input(
                    "share",
                    default=0.2,
                    min=0.05,
                    max=1.0,
                    step=0.05,
                    tooltip="Share of the steps that is guarded, counted from the end.",
                ),
                io.Int.Input(
                    "iterations", default=20, min=0, max=200, tooltip="Most iterations in each guarded step; 0 is off."
                ),
                Recognisers.Input("recognisers", optional=True, tooltip="Against whom. Nothing: auto."),
                io.Image.Input(
                    "original",
                    optional=True,
                    tooltip="The photo whose face must not be matched, framed like the result (img2img). "
                    "Nothing connected: the face that would have been generated.",
                ),
                tiny_input(),
            ],
            outputs=[
                io.Sampler.Output(display_name="sampler", tooltip="For Sampler Custom or Sampler Custom Advanced.")
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        sampler: Any,
        vae: Any,
        share: float,
        iterations: int,
        recognisers: tuple[Recogniser, ...] | None = None,
        original: torch.Tensor | None = None,
        tiny: bool = False,
    ) -> io.NodeOutput:
        if not iterations:
            return io.NodeOutput(sampler)
        from .adapters.guarded import GuardedRun, guarded_sampler
        from .adapters.host import show_text, stop_if_cancelled

        node = cls.hidden.unique_id
        with torch.inference_mode(False):
            surrogates = recognisers or load_automatic()
            recipe = GuardRecipe(start=share, settings=Settings(iterations, patience=min(iterations, 4)))
            originals = tensors_of(original, "original")
        run = GuardedRun(
            sampler,
            vae,
            surrogates,
            recipe,
            originals,
            lambda step: stop_if_cancelled(),
            tiny,
            lambda won: show_text(node, guard_report(won, surrogates)),
        )
        return io.NodeOutput(guarded_sampler(run))
