"""Node: Latent Adversarial Optimizer."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io

from ..core.errors import InputError
from ..core.optimise import Settings, Step
from ..core.protection.guard import Guard, GuardRecipe
from ..core.recognisers.catalogue import load_recogniser
from ..core.recognisers.recogniser import Recogniser
from ..core.trajectory.solvers import Moment
from .adapters.autoencoder import VaeAutoencoder
from .adapters.host import Bar, gradients_allowed, on_device, pick_device
from .adapters.pictures import tensors_of
from .sockets import CATEGORY, Recognisers, Weights
from .weighting import Weights as Schedule


class LatentOptimizer(io.ComfyNode):
    """Moves a latent until the face that it decodes to is no longer matched."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FaceVeilLatentOptimizer",
            display_name="Latent Adversarial Optimizer",
            category=CATEGORY,
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
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=2**63 - 1,
                    control_after_generate=True,
                    tooltip="The same seed gives the same latent.",
                ),
                Recognisers.Input("recognisers", optional=True, tooltip="Against whom. Nothing: the built-in dlib."),
                Weights.Input("weights", optional=True, tooltip="How identity and looks are balanced on the way."),
                io.Image.Input(
                    "original",
                    optional=True,
                    tooltip="The photo whose face must not be matched, framed like the latent. "
                    "Nothing connected: the face that the latent shows now.",
                ),
            ],
            outputs=[io.Latent.Output("latent", tooltip="To VAE Decode.")],
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
    ) -> io.NodeOutput:
        samples = latent["samples"]
        if samples.ndim != 4:
            raise InputError("This is a latent of a video or of audio. Connect one of pictures.")
        autoencoder = VaeAutoencoder(vae)
        device = pick_device()
        with gradients_allowed():
            rows = samples.detach().clone().float().to(device)
            autoencoder.spread = max(float(rows.std()), 1e-6)
            surrogates = recognisers or (load_recogniser("dlib"),)
            originals = [photo.to(device) for photo in tensors_of(original, "original")]
            recipe = GuardRecipe(rate=rate, settings=Settings(iterations, patience=8))
            if weights is not None:
                recipe = GuardRecipe(rate=rate, settings=recipe.settings, weighting=weights.weighting)
            bar, moved = Bar(len(rows) * iterations), []
            with on_device(surrogates, device):
                for index, row in enumerate(rows.split(1)):

                    def show(step: Step, index: int = index) -> None:
                        bar.show(index * step.of + step.index + 1)

                    same = originals[min(index, len(originals) - 1)] if originals else None
                    guard = Guard(autoencoder.decode, surrogates, 1.0, recipe, same, seed=seed, on_iteration=show)
                    unit = row / autoencoder.spread
                    done = guard(Moment(0, 1, 0.0, unit, torch.zeros_like(unit)))
                    moved.append(done[-1:] * autoencoder.spread)
            return io.NodeOutput({**latent, "samples": torch.cat(moved).to(samples)})
