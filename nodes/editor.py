"""Node: Trajectory-Aligned Editor."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io

from ..core.editing.edit import EDITORS, Edit, InLoop, edit_image
from ..core.errors import InputError
from ..core.faces.find import find_faces
from ..core.faces.masks import fit_mask
from ..core.images import to_bchw, to_bhwc
from ..core.protection.guard import GuardRecipe
from ..core.recognisers.recogniser import Recogniser
from ..core.trajectory.solvers import SOLVERS, Moment
from .adapters.host import Bar, gradients_allowed, on_device, pick_device
from .adapters.pictures import image_of, masks_of, pictures_of
from .sockets import CATEGORY, Recognisers


class TrajectoryEditor(io.ComfyNode):
    """Edits by prompt along the picture's own trajectory, inside a mask, protected on the way if asked."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FaceVeilTrajectoryEditor",
            display_name="Trajectory-Aligned Editor",
            category=CATEGORY,
            description="Inverts the picture with one prompt and generates it again with another, held on its own path "
            "outside the mask. Pixels outside the mask stay exactly as they were.",
            inputs=[
                io.Model.Input("model", tooltip="Any image model; with LoRAs and other patches as they are."),
                io.Vae.Input("vae", tooltip="The model's VAE."),
                io.Image.Input("image", tooltip="One picture or a batch."),
                io.Mask.Input("mask", tooltip="Where to edit: from Edit Region, or painted."),
                io.Conditioning.Input("source", tooltip="What the picture shows now; an empty prompt will do."),
                io.Conditioning.Input("target", tooltip="What it should show."),
                io.Sigmas.Input(
                    "sigmas",
                    tooltip="From the model's full noise, or from less to stay nearer, down to 0 (Basic Scheduler).",
                ),
                io.Combo.Input(
                    "editor",
                    options=list(EDITORS),
                    default="invert",
                    tooltip="invert holds what is there; flow needs no inversion and is looser.",
                ),
                io.Combo.Input(
                    "solver",
                    options=list(SOLVERS),
                    default="reuse",
                    tooltip="reuse: as exact as midpoint at half its cost. euler is DDIM.",
                ),
                io.Float.Input(
                    "cfg",
                    default=1.0,
                    min=1.0,
                    max=30.0,
                    step=0.1,
                    tooltip="Guidance against the negative prompt; 1 for Flux and for the demo model, 5 to 8 for SD.",
                ),
                io.Float.Input(
                    "hold",
                    default=0.8,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="Share of the noise from which "
                    "on what lies outside the mask is held on the original's path.",
                ),
                io.Int.Input(
                    "size",
                    default=512,
                    min=64,
                    max=4096,
                    step=16,
                    tooltip="Side of the square the model works on: "
                    "256 for the demo model, 512 for SD, 512 to 1024 for Flux.",
                ),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=2**63 - 1,
                    control_after_generate=True,
                    tooltip="The same seed gives the same picture.",
                ),
                io.Conditioning.Input(
                    "negative", optional=True, tooltip="What it should not show; used when cfg is above 1."
                ),
                Recognisers.Input(
                    "recognisers",
                    optional=True,
                    tooltip="Protect the faces while the edit is generated, "
                    "against these. Nothing connected: only edit.",
                ),
            ],
            outputs=[
                io.Image.Output("image", tooltip="The edited pictures; protected when recognisers are connected."),
                io.Image.Output("edited", tooltip="The edit alone."),
            ],
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        vae: Any,
        image: torch.Tensor,
        mask: torch.Tensor,
        source: Any,
        target: Any,
        sigmas: torch.Tensor,
        editor: str,
        solver: str,
        cfg: float,
        hold: float,
        size: int,
        seed: int,
        negative: Any = None,
        recognisers: tuple[Recogniser, ...] | None = None,
    ) -> io.NodeOutput:
        from .adapters.sampling import SamplerDenoiser, run_inside
        from .adapters.vae import ModelVae, latent_format_of

        levels = sigmas.tolist()
        if len(levels) < 2 or levels[-1] != 0:
            raise InputError("The sigmas have to run down to 0, with one step at least. Connect a Basic Scheduler.")
        pictures, device = pictures_of(image), pick_device()
        masks = masks_of(mask, len(pictures))
        latents = latent_format_of(model)
        autoencoder = ModelVae(vae, latents)
        side = max(1, round(size / autoencoder.multiple))
        wish = Edit("target", "source", steps=len(levels) - 1, solver=solver, editor=editor, high=hold, seed=seed)
        bar, results = Bar(len(pictures) * (len(levels) - 1)), []
        prompts = {"source": source, "target": target} | ({"negative": negative} if negative is not None else {})
        for index, (picture, where) in enumerate(zip(pictures, masks, strict=True)):

            def work(denoiser: SamplerDenoiser, index: int = index, picture: Any = picture, where: Any = where) -> None:
                def show(moment: Moment) -> None:
                    bar.show(index * moment.of + moment.step + 1)

                with gradients_allowed():
                    whole = to_bchw(picture).to(device)
                    area = torch.ones_like(whole[:, :1]) if where is None else fit_mask(where, *whole.shape[-2:])
                    guarded = InLoop(find_faces(whole), recognisers, GuardRecipe(), seed) if recognisers else None
                    done = edit_image(
                        whole, area.to(device), wish, denoiser, autoencoder, side * autoencoder.multiple, guarded, show
                    )
                    results.append((to_bhwc(done.image.cpu()).clamp(0, 1), to_bhwc(done.unguarded.cpu()).clamp(0, 1)))

            with on_device(recognisers or (), device):
                run_inside(model, prompts, cfg, levels, (1, latents.latent_channels, side, side), work, seed)
        return io.NodeOutput(*(image_of(list(row), image) for row in zip(*results, strict=True)))
