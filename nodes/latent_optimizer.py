"""Node: Latent Adversarial Optimizer."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io

from ..core.errors import InputError
from ..core.methods.guard import GuardRecipe
from ..core.optimise import Settings, Step
from ..core.recognisers.automatic import load_automatic
from ..core.recognisers.recogniser import Recogniser
from .adapters.host import Bar, cancellable, free_memory, gradients_allowed, on_device, pick_device
from .adapters.memory import Economy, with_less_memory
from .adapters.pictures import latents_of, shaped_like, tensors_of
from .parts.sockets import CATEGORY, Recognisers, Trajectories, Weights, schema, seed_input, tiny_input
from .parts.walked import Walked
from .parts.weighting import Weights as Schedule


class LatentOptimizer(io.ComfyNode):
    """Moves a latent until the face that it decodes to is no longer matched."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="FaceVeilLatentOptimizer",
            display_name="Latent Adversarial Optimizer",
            category=CATEGORY,
            is_experimental=True,
            search_aliases=["adversarial", "privacy", "latent"],
            description="Changes a latent so that recognisers no longer match the face it decodes to. For latents "
            "that are decoded right after; for photos use Protect Portrait, which loses nothing to the VAE.",
            inputs=[
                io.Latent.Input("latent", tooltip="Latents of pictures with a face, one or a batch."),
                io.Vae.Input("vae", tooltip="The VAE they belong to."),
                io.Int.Input("iterations", default=60, min=1, max=1000, tooltip="Most iterations for each picture."),
                io.Float.Input(
                    "rate",
                    default=0.02,
                    min=0.001,
                    max=0.5,
                    step=0.001,
                    tooltip="How far one iteration moves it.",
                ),
                seed_input("latent"),
                Recognisers.Input("recognisers", optional=True, tooltip="Against whom. Nothing: auto."),
                Weights.Input(
                    "weights",
                    optional=True,
                    tooltip="How identity and looks are balanced on the way.",
                ),
                io.Image.Input(
                    "original",
                    optional=True,
                    tooltip="The photo whose face must not be matched, framed like the latent. "
                    "Nothing connected: the face that the latent shows now.",
                ),
                io.Model.Input(
                    "model",
                    optional=True,
                    tooltip="With a trajectory: the change goes through this model's last denoising steps, so that "
                    "they cannot wash it away.",
                ),
                Trajectories.Input(
                    "trajectory", optional=True, tooltip="From Learn Unconditional Embeddings, of these latents."
                ),
                tiny_input(),
            ],
            outputs=[io.Latent.Output(display_name="latent", tooltip="To VAE Decode.")],
        )

    @classmethod
    def execute(
        cls,
        latent: dict[str, Any],
        vae: Any,
        iterations: int,
        rate: float,
        seed: int,
        recognisers: tuple[Recogniser, ...] | None = None,
        weights: Schedule | None = None,
        original: torch.Tensor | None = None,
        model: Any = None,
        trajectory: Walked | None = None,
        tiny: bool = False,
    ) -> io.NodeOutput:
        from .adapters.latents import Search

        samples = latents_of(latent)
        if (model is None) != (trajectory is None):
            raise InputError("Going through denoising steps needs both a model and a trajectory: connect both or none.")
        if tiny and model is None:
            raise InputError("Only the model says which tiny decoder fits: connect it, or switch 'tiny decoder' off.")
        recipe = GuardRecipe(rate=rate, settings=Settings(iterations, patience=8))
        recipe = recipe if weights is None else weights.guarding(recipe)
        device = pick_device()
        bar = Bar(len(samples) * iterations)

        def show(index: int, step: Step) -> None:
            bar.show(index * step.of + step.index + 1)

        with gradients_allowed():
            surrogates = recognisers or load_automatic()
            originals = [photo.to(device) for photo in tensors_of(original, "original")]

        def moved(economy: Economy) -> torch.Tensor:
            search = Search(vae, surrogates, recipe, originals, seed, show, economy, tiny)
            if trajectory is None:
                return search.directly(samples.to(device))
            return search.through(samples, model, trajectory)

        with on_device(surrogates, device), cancellable():
            changed = with_less_memory(moved, free_memory)
        return io.NodeOutput({**latent, "samples": shaped_like(changed, latent["samples"]).to(latent["samples"])})
