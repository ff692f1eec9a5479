"""Node: Learn Veil."""

from __future__ import annotations

from dataclasses import replace

import torch
from comfy_api.latest import io

from ..core.methods.recipes import DEFAULT, STRENGTHS, choose
from ..core.optimise import Step
from ..core.recognisers.automatic import load_automatic
from ..core.recognisers.recogniser import Recogniser
from ..core.search.objective import Objective
from .adapters.host import Bar, cancellable, gradients_allowed, on_device, pick_device
from .adapters.pictures import pictures_of
from .parts.drawing import preview
from .parts.sockets import CATEGORY, Recognisers, Veils, far_input, schema, seed_input
from .parts.veiling import learn_from_pictures


class LearnVeil(io.ComfyNode):
    """One veil for several photos of one person."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="FaceVeilLearnVeil",
            display_name="Learn Veil",
            category=CATEGORY,
            search_aliases=["veil", "train", "person", "learn a cloak"],
            description="Finds one veil that hides a person on all of these photos. New photos and films of the same "
            "person wear it at once.",
            inputs=[
                io.Image.Input(
                    "images",
                    tooltip="Photos of ONE person as a batch, the largest face of each; four or more are better.",
                ),
                io.Combo.Input(
                    "strength", options=list(STRENGTHS), default=DEFAULT, tooltip="How much the veil may change."
                ),
                seed_input("veil"),
                far_input(),
                Recognisers.Input("recognisers", optional=True, tooltip="What to protect against. Nothing: auto."),
            ],
            outputs=[Veils.Output(display_name="veil", tooltip="For Apply Veil, Save Veil, Protect Video.")],
        )

    @classmethod
    def execute(
        cls,
        images: torch.Tensor,
        strength: str,
        seed: int,
        far: str,
        recognisers: tuple[Recogniser, ...] | None = None,
    ) -> io.NodeOutput:
        pictures, device, recipe = pictures_of(images, "images"), pick_device(), choose(strength)
        recipe = replace(recipe, aim=replace(recipe.aim, far=far))
        with gradients_allowed(), cancellable():
            surrogates = recognisers or load_automatic(far, ())
            bar = Bar(recipe.settings.iterations)

            def show(step: Step, objective: Objective) -> None:
                bar.show(step.index + 1, preview(step, objective, surrogates, far))

            with on_device(surrogates, device):
                veil = learn_from_pictures(pictures, surrogates, recipe, seed, show, device)
        return io.NodeOutput((veil,))
