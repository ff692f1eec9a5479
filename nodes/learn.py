"""Node: Learn Unconditional Embeddings."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from comfy_api.latest import io

from ..core.methods.recipes import OUR_DENOISING
from ..core.optimise import Step
from ..core.trajectory.embeddings import learn_embeddings
from ..core.trajectory.paths import refuse_other_model
from .adapters.host import Bar, free_memory
from .adapters.memory import Economy, with_less_memory
from .parts.sockets import CATEGORY, Trajectories, schema
from .parts.walked import Walked


class LearnEmbeddings(io.ComfyNode):
    """Embeddings with which the last steps of a model end at the picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="FaceVeilLearn",
            display_name="Learn Unconditional Embeddings",
            category=CATEGORY,
            is_experimental=True,
            search_aliases=["null-text inversion", "embedding"],
            description="Learns an embedding for each of the last steps of a trajectory, so that a short way down ends "
            "at the picture. What the short way can reproduce it need not wash away.",
            inputs=[
                io.Model.Input("model", tooltip="The model that the trajectory was made with."),
                Trajectories.Input("trajectory", tooltip="From Invert to Trajectory."),
                io.Int.Input("last", default=3, min=1, max=100, tooltip="How many last steps; 3 of 20 is usual."),
                io.Int.Input(
                    "iterations", default=20, min=0, max=500, tooltip="For each step. 0 takes the prompt as it is."
                ),
                io.Float.Input(
                    "rate",
                    default=OUR_DENOISING.learning.rate,
                    min=0.0001,
                    max=1.0,
                    step=0.0001,
                    round=0.0001,
                    tooltip="How far one iteration moves the embedding; 0.1 was published.",
                ),
                io.Float.Input(
                    "cfg",
                    default=1.0,
                    min=0.0,
                    max=30.0,
                    step=0.1,
                    tooltip="Guidance of the guider; only with a positive prompt.",
                ),
                io.Conditioning.Input(
                    "positive",
                    optional=True,
                    tooltip="A prompt for the guider: what was learned is then what guidance leads away from. Nothing "
                    "connected: the guider leads back to the picture.",
                ),
            ],
            outputs=[
                io.Guider.Output(display_name="guider", tooltip="For Sampler Custom Advanced."),
                Trajectories.Output(display_name="trajectory", tooltip="For Latent Adversarial Optimizer."),
            ],
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        trajectory: Walked,
        last: int,
        iterations: int,
        rate: float,
        cfg: float,
        positive: Any = None,
    ) -> io.NodeOutput:
        from .adapters.sampling import GRADIENT_SHARE, LearnedGuider, SamplerDenoiser, run_inside
        from .adapters.vae import latent_format_of

        pictures, _, *cells = trajectory.shape
        trajectory.refuse_other((pictures, latent_format_of(model).latent_channels, *cells), "the model's are")
        how = replace(OUR_DENOISING.learning, iterations=iterations, rate=rate)
        bar = Bar(last * max(1, iterations))

        def show(step: Step) -> None:
            bar.show(bar.done + 1)

        def ask(denoiser: SamplerDenoiser) -> None:
            clean = trajectory.path.clean.to(denoiser.device)
            refuse_other_model(trajectory.path, denoiser, denoiser.describe(["source"]), clean)

        def learned(economy: Economy) -> Any:
            found = []

            def work(denoiser: SamplerDenoiser) -> None:
                with denoiser.gradients(economy):
                    found.append(learn_embeddings(denoiser, trajectory.path, denoiser.text(), last, how, show))

            inside(work, room=GRADIENT_SHARE)
            return found[0]

        inside = partial(
            run_inside, model, {"source": trajectory.prompt}, 1.0, trajectory.path.sigmas, trajectory.shape
        )
        # Once, and with no more memory than a sampling takes: learning begins again where memory runs out.
        inside(ask)
        short = with_less_memory(learned, free_memory)
        guider = LearnedGuider(model)
        guider.learned(short, trajectory.prompt, positive, cfg)
        return io.NodeOutput(guider, replace(trajectory, short=short))
