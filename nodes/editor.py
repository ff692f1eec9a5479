"""Node: Trajectory-Aligned Editor."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import torch
from comfy_api.latest import io

from ..core.errors import InputError, NoFaceError
from ..core.faces.face import Face
from ..core.faces.find import find_faces
from ..core.faces.masks import fit_mask
from ..core.images import to_bchw, to_bhwc
from ..core.methods.edit import edit_image
from ..core.methods.guard import GuardRecipe
from ..core.methods.guarding import InLoop
from ..core.methods.wish import EDITORS, Edit
from ..core.recognisers.recogniser import Recogniser
from ..core.trajectory.solvers import SOLVERS, Moment
from ..core.verdict.verify import witnesses_of
from .adapters.host import Bar, cancellable, free_memory, gradients_allowed, on_device, pick_device, show_text
from .adapters.memory import PLAIN, Economy, with_less_memory
from .adapters.pictures import image_of, masks_of, pictures_of
from .adapters.vae import refuse_unsuited
from .parts.guard_report import UNGUARDED, guard_report
from .parts.judging import look_at
from .parts.sockets import CATEGORY, Recognisers, Trajectories, compare_input, schema, seed_input, sigmas_input
from .parts.walked import Walked, refuse_unending


class TrajectoryEditor(io.ComfyNode):
    """Edits by prompt along the picture's own trajectory, inside a mask, protected on the way if asked."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="FaceVeilTrajectoryEditor",
            display_name="Trajectory-Aligned Editor",
            category=CATEGORY,
            search_aliases=["edit", "inpaint", "flowedit", "ddim inversion"],
            description="Inverts the picture with one prompt and generates it again with another, held on its own path "
            "outside the mask. Pixels outside the mask stay exactly as they were.",
            # As Protect Portrait: the page is sent before and after again when the result is still remembered.
            is_output_node=True,
            inputs=[
                io.Model.Input("model", tooltip="Any image model; with LoRAs and other patches as they are."),
                io.Vae.Input("vae", tooltip="The model's VAE."),
                io.Image.Input("image", tooltip="One picture or a batch."),
                io.Mask.Input("mask", tooltip="Where to edit: from Edit Region, or painted."),
                io.Conditioning.Input("source", tooltip="What the picture shows now; an empty prompt will do."),
                io.Conditioning.Input("target", tooltip="What it should show."),
                sigmas_input(),
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
                seed_input(),
                io.Conditioning.Input(
                    "negative", optional=True, tooltip="What it should not show; needed when cfg is above 1."
                ),
                Recognisers.Input(
                    "recognisers",
                    optional=True,
                    tooltip="Protect the faces while the edit is generated, "
                    "against these. Nothing connected: only edit.",
                ),
                Trajectories.Input(
                    "trajectory",
                    optional=True,
                    tooltip="The path from Invert to Trajectory: it is not inverted again. The whole picture is then "
                    "worked on, at the size that was inverted.",
                ),
                io.Int.Input(
                    "inject",
                    default=0,
                    min=-1,
                    max=100,
                    optional=True,
                    tooltip="In how many of the first steps the original's attention values are kept: a gentler edit "
                    "that strays less. -1: 3 or 5, by the size of the mask. Only for the editor 'invert'.",
                ),
                compare_input(),
            ],
            outputs=[
                io.Image.Output(
                    display_name="image", tooltip="The edited pictures; protected when recognisers are connected."
                ),
                io.Image.Output(display_name="edited", tooltip="The edit alone."),
                io.String.Output(
                    display_name="report", tooltip="Whether the guard won, picture by picture; also shown on the node."
                ),
            ],
            hidden=[io.Hidden.unique_id],
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
        trajectory: Walked | None = None,
        inject: int = 0,
        compare: bool = True,
    ) -> io.NodeOutput:
        from .adapters.sampling import SamplerDenoiser, run_inside
        from .adapters.vae import ModelVae, latent_format_of
        from .parts.comparing import not_judged, page_data

        levels = sigmas.tolist()
        refuse_unending(levels)
        if cfg > 1 and negative is None:
            raise InputError(
                "A cfg above 1 leads away from a negative prompt, and none is connected: connect one (an empty prompt "
                "will do), or set cfg to 1."
            )
        pictures, device = pictures_of(image), pick_device()
        masks = masks_of(mask, len(pictures))
        latents = latent_format_of(model)
        cells = max(1, round(size / refuse_unsuited(vae)))
        shape: tuple[int, ...] = (1, latents.latent_channels, cells, cells)
        if trajectory is not None:
            shape = trajectory.shape
            # Of which proportions it is, is looked at where the picture is laid upon it.
            trajectory.refuse_other((len(pictures), latents.latent_channels, *shape[2:]), "the pictures make one")
            if editor != "invert" or len(pictures) > 1:
                raise InputError("A trajectory serves one picture and the editor 'invert'. Disconnect it for others.")
        wish = Edit(
            "target",
            "source",
            steps=len(levels) - 1,
            solver=solver,
            editor=editor,
            high=hold,
            inject=None if inject < 0 else inject,
            seed=seed,
        )
        faces: list[list[Face]] = []
        if recognisers:
            # Before a model is loaded: a picture without a face is refused.
            with gradients_allowed(), cancellable():
                faces = [_faces(to_bchw(picture).to(device)) for picture in pictures]
        bar, results, reached = Bar(len(pictures) * (len(levels) - 1)), [], PLAIN
        prompts = {"source": source, "target": target} | ({"negative": negative} if negative is not None else {})
        for index, (picture, where) in enumerate(zip(pictures, masks, strict=True)):

            def work(
                denoiser: SamplerDenoiser,
                economy: Economy,
                index: int = index,
                picture: Any = picture,
                where: Any = where,
            ) -> tuple[torch.Tensor, torch.Tensor, bool | None]:
                def show(moment: Moment) -> None:
                    bar.show(index * moment.of + moment.step + 1)

                autoencoder = ModelVae(vae, latents, denoiser.patchers, economy)
                with gradients_allowed(), denoiser.plain_attention() if inject else nullcontext():
                    whole = to_bchw(picture).to(device)
                    area = torch.ones_like(whole[:, :1]) if where is None else fit_mask(where, *whole.shape[-2:])
                    guarded = InLoop(faces[index], recognisers, GuardRecipe(), seed) if recognisers else None
                    known = None if trajectory is None else trajectory.path
                    done = edit_image(whole, area.to(device), wish, denoiser, autoencoder, size, guarded, show, known)
                    image, unguarded = (to_bhwc(each.cpu()).clamp(0, 1) for each in (done.image, done.unguarded))
                    return image, unguarded, done.won

            def edited(economy: Economy, work: Any = work) -> Any:
                made = []
                run_inside(
                    model, prompts, cfg, levels, shape, lambda denoiser: made.append(work(denoiser, economy)), seed
                )
                return made[0], economy

            with on_device(recognisers or (), device), cancellable():
                result, reached = with_less_memory(edited, free_memory, reached)
                results.append(result)
        *made, won = zip(*results, strict=True)
        text = guard_report(won, recognisers) if recognisers else UNGUARDED
        with gradients_allowed(), on_device(recognisers or (), device), cancellable():
            rows = look_at(pictures, made[0], witnesses_of(recognisers or ()), faces, device)
        if recognisers:
            show_text(cls.hidden.unique_id, text)
        else:  # the page has this sentence in its own language
            rows = [replace(row, verdict=not_judged("edited")) for row in rows]
        return io.NodeOutput(*(image_of(list(row), image) for row in made), text, ui=page_data(rows, compare))


def _faces(picture: torch.Tensor) -> list[Face]:
    try:
        return find_faces(picture)
    except NoFaceError as error:
        raise NoFaceError(f"{error} Or disconnect 'recognisers': then it is only edited.") from error
