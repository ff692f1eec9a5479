"""Node: Protect Portrait."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from comfy_api.latest import io

from ..core.faces.face import Face
from ..core.images import to_bchw
from ..core.methods.recipes import DEFAULT, RECIPES
from ..core.optimise import Step
from ..core.photo.protector import Protector
from ..core.recognisers.automatic import load_automatic
from ..core.recognisers.judge import Judge
from ..core.recognisers.recogniser import Recogniser
from ..core.search.objective import Objective
from .adapters.host import Bar, cancellable, free_memory, gradients_allowed, on_device, pick_device, show_text
from .adapters.memory import Economy, with_less_memory
from .adapters.pictures import image_of, masks_of, pictures_of, tensors_of
from .adapters.vae import VaeAutoencoder
from .parts.comparing import compared
from .parts.drawing import preview
from .parts.finding import refuse_faceless
from .parts.order import warnings_after
from .parts.protecting import ProtectedBatch, pick_recipe, protect_pictures, sparing
from .parts.sockets import (
    CATEGORY,
    DecoyFaces,
    Faces,
    Recognisers,
    Veils,
    Weights,
    compare_input,
    faces_input,
    far_input,
    schema,
    seed_input,
)
from .parts.weighting import Weights as Schedule

SEARCHED = "Searched with the tiny decoder {}; the VAE itself decoded what was found."


class Protect(io.ComfyNode):
    """Portraits come back that recognisers no longer match, and people still do."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="FaceVeilProtect",
            display_name="Protect Portrait",
            category=CATEGORY,
            search_aliases=[
                *("face", "privacy", "face privacy", "protect face", "protect photo", "face recognition"),
                *("cloak", "anonymize", "anonymise", "deidentify", "hide my face", "hide face", "blur face"),
                *("pixelate face", "censor face", "adversarial", "fawkes"),
            ],
            essentials_category="Image Tools",
            description="Changes faces a little, so that face recognition no longer matches them and people still do. "
            "Outside the faces every pixel stays as it was.",
            # Otherwise the page is not sent before and after again when the result is still remembered.
            is_output_node=True,
            inputs=[
                io.Image.Input("image", tooltip="One picture or a batch; every picture is protected on its own."),
                io.Combo.Input(
                    "strength",
                    options=list(RECIPES),
                    default=DEFAULT,
                    tooltip="How much may change: light, balanced or strong. The others are for comparison.",
                ),
                seed_input(),
                faces_input(),
                far_input(),
                Recognisers.Input(
                    "recognisers",
                    optional=True,
                    tooltip="What to protect against; more families protect better against unknown ones. "
                    "Nothing connected: auto, those built in and what else lies here and may be used for everything.",
                ),
                Recognisers.Input(
                    "judges", optional=True, tooltip="Recognisers that take no part and only check the result."
                ),
                io.Image.Input(
                    "gallery",
                    optional=True,
                    tooltip="Other photos of the same person, such as services may already have: "
                    "protected against, and measured against.",
                ),
                DecoyFaces.Input(
                    "decoy", optional=True, tooltip="A face to resemble instead, besides matching nobody."
                ),
                io.Mask.Input(
                    "mask", optional=True, tooltip="Only where this is white may pixels change; grey means less."
                ),
                Weights.Input(
                    "weights", optional=True, tooltip="Another balance between hiding and keeping than the strength's."
                ),
                io.Vae.Input(
                    "vae",
                    optional=True,
                    tooltip="For published-1 and published-2 alone, which change a latent: this VAE's. Nothing "
                    "connected: the one that comes with the pack. The strengths use none. Where the tiny decoder of "
                    "its space lies in models/vae_approx (taesd, taef1 ...), that one searches and the VAE decodes "
                    "the result.",
                ),
                Faces.Input(
                    "found", optional=True, tooltip="From Find Faces: protect these faces instead of finding them anew."
                ),
                compare_input(),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The protected pictures, for Save Protected."),
                io.Mask.Output(display_name="changed", tooltip="White where a pixel differs from the original."),
                io.String.Output(display_name="report", tooltip="What was measured, picture by picture."),
                Veils.Output(display_name="veil", tooltip="What changed the faces: for Apply Veil, Save Veil."),
            ],
        )

    @classmethod
    def execute(
        cls,
        image: torch.Tensor,
        strength: str,
        seed: int,
        faces: str,
        far: str,
        recognisers: tuple[Recogniser, ...] | None = None,
        judges: tuple[Judge, ...] | None = None,
        gallery: torch.Tensor | None = None,
        decoy: list[torch.Tensor] | None = None,
        mask: torch.Tensor | None = None,
        weights: Schedule | None = None,
        vae: Any = None,
        found: list[list[Face]] | None = None,
        compare: bool = True,
    ) -> io.NodeOutput:
        from .adapters.vae import quick_decoder
        from .parts.comparing import page_data

        recipe = pick_recipe(strength, weights)
        pictures = pictures_of(image)
        masks = masks_of(mask, len(pictures))
        device = pick_device()
        with gradients_allowed():
            surrogates = recognisers or load_automatic(far, judges or ())
            others = tensors_of(gallery, "gallery")
            with cancellable():
                refuse_faceless(others, "gallery")
        bar = Bar(len(pictures) * recipe.settings.iterations)

        def show(index: int, step: Step, objective: Objective | None) -> None:
            if objective is None:
                # Embeddings are being learned: nothing to see yet, but Cancel must work.
                bar.show(index * recipe.settings.iterations)
                return
            bar.show(index * step.of + step.index + 1, preview(step, objective, surrogates, far))

        def protected(economy: Economy) -> ProtectedBatch:
            # Loaded in inference mode, where ComfyUI expects it.
            latent = recipe.needs_autoencoder and vae is not None
            full = VaeAutoencoder(vae, economy=economy) if latent else None
            with gradients_allowed():
                quick = quick_decoder(full, to_bchw(pictures[0]).to(device)) if full else None
                protector = Protector(
                    recipe=sparing(recipe) if economy.checkpointed else recipe,
                    surrogates=surrogates,
                    judges=judges or (),
                    gallery=[photo.to(device) for photo in others],
                    decoys=[photo.to(device) for photo in decoy or ()],
                    autoencoder=quick or full,
                    finish=full if quick else None,
                    faces=faces,
                    far=far,
                    seed=seed,
                    device=device,
                )
                done = protect_pictures(protector, pictures, masks, show, found)
                return replace(done, text=f"{done.text}\n{SEARCHED.format(quick.name)}") if quick else done

        with on_device([*surrogates, *(judges or ())], device), cancellable():
            done = with_less_memory(protected, free_memory)
        node = cls.hidden.unique_id
        warnings = [*done.warnings, *warnings_after(cls.hidden.prompt or {}, str(node))]
        show_text(node, "\n".join(warnings))
        text = "\n\n".join([*warnings, done.text])
        rows = [compared(*each) for each in zip(pictures, done.pictures, done.reports, strict=True)]
        shown = page_data(rows, compare)
        return io.NodeOutput(image_of(done.pictures, image), done.changed, text, tuple(done.veils), ui=shown)
