"""The types of our own that links carry, and choices that several nodes offer."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from comfy_api.latest import io

CATEGORY = "FaceVeil"

Recognisers = io.Custom("FACEVEIL_RECOGNISERS")
"""tuple[Judge, ...]; where something is protected against them, tuple[Recogniser, ...]."""
Faces = io.Custom("FACEVEIL_FACES")
"""list[list[Face]]: for each picture of the batch the faces chosen in it."""
Analysis = io.Custom("INSIGHTFACE,FACEANALYSIS")
"""insightface's FaceAnalysis, as the loaders of IPAdapter (the one name), InstantID and PuLID (the other) give it."""
Boxes = io.Custom("BOUNDING_BOX,FACE_LANDMARKS,SEGS")
"""What ComfyUI's own detectors give since 0.33: MediaPipe the first two, SAM 3 and RT-DETR boxes; SEGS are the Impact
Pack's."""
DecoyFaces = io.Custom("FACEVEIL_DECOY")
"""list[Tensor]: pictures (1, 3, H, W) with a face each."""
Weights = io.Custom("FACEVEIL_WEIGHTS")
"""weighting.Weights"""
Veils = io.Custom("FACEVEIL_VEIL")
"""tuple[Veil | None, ...]: one for all pictures or one for each; None is what no other picture can wear."""
Trajectories = io.Custom("FACEVEIL_TRAJECTORY")
"""walked.Walked: one path for the pictures of a batch"""

WHICH_FACES = ["all", "largest", *(str(number) for number in range(10))]
FALSE_ACCEPT_RATES = ["1e-1", "1e-2", "1e-3", "1e-4"]

NEWER = {"search_aliases", "essentials_category"}
"""What schemas know since ComfyUI 0.11 and 0.15."""


def schema(**given: Any) -> io.Schema:
    """A node's schema, without what this version of ComfyUI knows nothing of and can do without."""
    unknown = NEWER - {field.name for field in fields(io.Schema)}
    return io.Schema(**{name: value for name, value in given.items() if name not in unknown})


def rare(kind: type[io.Input], *given: Any, **more: Any) -> Any:
    """An input that most people never touch: the page shows it behind a button. Set afterwards, for ComfyUI 0.3.64
    makes no widget with `extra_dict` and 0.8.0 none with `advanced`, though both hand it on to pages that know it."""
    made = kind(*given, **more)
    made.extra_dict = {**made.extra_dict, "advanced": True}
    return made


def faces_input() -> io.Combo.Input:
    return rare(
        io.Combo.Input,
        "faces",
        options=WHICH_FACES,
        default="all",
        tooltip="Which faces: all, the largest, or one by its number (0 is the largest; Find Faces shows the numbers).",
    )


def seed_input(what: str = "picture") -> io.Int.Input:
    return rare(
        io.Int.Input,
        "seed",
        default=0,
        min=0,
        max=2**63 - 1,
        control_after_generate=True,
        tooltip=f"The same seed gives the same {what}, on the same machine with as many threads.",
    )


def sigmas_input() -> io.Sigmas.Input:
    return io.Sigmas.Input(
        "sigmas",
        tooltip="From the model's full noise, or from less to stay nearer, down to 0 (Basic Scheduler).",
    )


def tiny_input() -> io.Boolean.Input:
    return io.Boolean.Input(
        "tiny",
        default=False,
        display_name="tiny decoder",
        optional=True,
        tooltip="Search with the tiny decoder of the same latents (taesd, taef1 ... in models/vae_approx): "
        "much less time and memory, but what is saved is decoded by the VAE, so look at the verdict.",
    )


def compare_input() -> io.Boolean.Input:
    return rare(
        io.Boolean.Input,
        "compare",
        default=True,
        display_name="show before and after",
        optional=True,
        tooltip="Before and after under a slider, in the node. To show them ComfyUI writes both pictures "
        "into its temp folder, where they lie until ComfyUI starts again. Off: only the bars.",
    )


def far_input() -> io.Combo.Input:
    return rare(
        io.Combo.Input,
        "far",
        options=FALSE_ACCEPT_RATES,
        default="1e-2",
        display_name="strangers mistaken",
        tooltip="How readily recognisers say 'same person'. 1e-2: they may mistake one stranger in 100 for you; "
        "1e-3: one in 1000, which services mostly allow. The more are mistaken, the harder it is to escape. For 1e-1 "
        "connect recognisers that know it; the built-in ones do not.",
    )
