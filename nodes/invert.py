"""Node: Invert to Trajectory."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from comfy_api.latest import io

from ..core.trajectory.paths import invert
from ..core.trajectory.solvers import SOLVERS, Moment
from .adapters.host import Bar, gradients_allowed
from .adapters.pictures import latents_of, shaped_like
from .parts.sockets import CATEGORY, Trajectories, schema, sigmas_input
from .parts.walked import Walked, refuse_unending


class InvertToTrajectory(io.ComfyNode):
    """From pictures up to the noise that a model would make them of."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="FaceVeilInvert",
            display_name="Invert to Trajectory",
            category=CATEGORY,
            is_experimental=True,
            search_aliases=["inversion", "ddim inversion", "unsampler"],
            description="Follows a picture's own path up to noise and records it. The same model, prompt and sigmas "
            "lead from that noise back to the picture.",
            inputs=[
                io.Model.Input("model", tooltip="Any image model; with LoRAs and other patches as they are."),
                io.Latent.Input("latent", tooltip="The picture, encoded with the model's VAE; one or a batch."),
                io.Conditioning.Input("prompt", tooltip="What the picture shows; an empty prompt will do."),
                sigmas_input(),
                io.Combo.Input(
                    "solver",
                    options=list(SOLVERS),
                    default="reuse",
                    tooltip="reuse: as exact as midpoint at half its cost. euler is DDIM, as weakened purification was "
                    "published.",
                ),
                io.Int.Input(
                    "record",
                    default=0,
                    min=0,
                    max=100,
                    optional=True,
                    tooltip="Of how many steps, counted from the most noise, attention values are kept, for the "
                    "editor's 'inject'. They take memory: of a large model gigabytes.",
                ),
            ],
            outputs=[
                io.Latent.Output(
                    display_name="latent",
                    tooltip="The noisy end of the path, for Disable Noise with the same sigmas. Not for flow models "
                    "from full noise, whose samplers keep nothing of a latent there: use the noise.",
                ),
                io.Noise.Output(
                    display_name="noise",
                    tooltip="For Sampler Custom Advanced, with any latent of this size and the same sigmas.",
                ),
                Trajectories.Output(
                    display_name="trajectory",
                    tooltip="For Learn Unconditional Embeddings and Trajectory-Aligned Editor.",
                ),
            ],
        )

    @classmethod
    def execute(
        cls, model: Any, latent: dict[str, Any], prompt: Any, sigmas: torch.Tensor, solver: str, record: int = 0
    ) -> io.NodeOutput:
        from .adapters.sampling import PathNoise, SamplerDenoiser, run_inside
        from .adapters.vae import latent_format_of

        levels, latents = sigmas.tolist(), latent_format_of(model)
        refuse_unending(levels)
        samples = latents_of(latent, latents.latent_channels)
        bar, found = Bar(len(levels) - 1), []

        def work(denoiser: SamplerDenoiser) -> None:
            def show(moment: Moment) -> None:
                bar.show(moment.step + 1)

            with gradients_allowed(), denoiser.plain_attention() if record else nullcontext():
                clean = latents.process_in(samples).to(denoiser.device)
                found.append(invert(denoiser, clean, levels, denoiser.describe(["source"]), solver, show, record))

        run_inside(model, {"source": prompt}, 1.0, levels, tuple(samples.shape), work)
        (path,) = found
        noise = PathNoise(path.start, levels[0], model)
        noisy = {**latent, "samples": shaped_like(noise.begun_with(), latent["samples"])}
        return io.NodeOutput(noisy, noise, Walked(path, prompt))
