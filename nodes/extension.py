"""The list of nodes that ComfyUI is given."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from comfy_api.latest import ComfyExtension, io

log = logging.getLogger("faceveil")

NODES = {
    "load_portrait": "LoadPortrait",
    "load_recogniser": "LoadRecogniser",
    "online_judge": "OnlineJudge",
    "find": "FindFaces",
    "decoy": "Decoy",
    "weights": "WeightScheduler",
    "protect": "Protect",
    "learn_veil": "LearnVeil",
    "apply_veil": "ApplyVeil",
    "veil_curve": "VeilCurve",
    "load_veil": "LoadVeil",
    "save_veil": "SaveVeil",
    "protect_video": "ProtectVideo",
    "protect_frames": "ProtectFrames",
    "sharing": "Sharing",
    "verdict": "Verdict",
    "save_protected": "SaveProtected",
    "region": "EditRegion",
    "invert": "InvertToTrajectory",
    "save_trajectory": "SaveTrajectory",
    "load_trajectory": "LoadTrajectory",
    "learn": "LearnEmbeddings",
    "editor": "TrajectoryEditor",
    "guarded_sampler": "GuardedSampler",
    "latent_optimizer": "LatentOptimizer",
    "demo_model": "LoadDemoModel",
    "demo_prompt": "DemoPrompt",
}
"""Module of this package to the node class in it."""


class FaceVeilExtension(ComfyExtension):
    """One node that cannot be loaded takes neither the others nor ComfyUI's start-up down."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        # Here and not in `on_load`, which ComfyUI 0.3.64 and 0.8.0 never call.
        with spared("its look into ComfyUI's model folders"):
            from .adapters.files import share_model_folders

            share_model_folders()
        with spared("its warnings of what comes after a protection"):
            from .adapters.queued import say_when_queued
            from .parts.order import warnings_in

            say_when_queued(warnings_in)
        found = []
        for module, name in NODES.items():
            with spared(f"the node '{name}'"):
                node = getattr(importlib.import_module(f".{module}", __package__), name)
                # What another version of ComfyUI dislikes about one schema would cost all of them.
                node.GET_SCHEMA()
                found.append(node)
        return found


@contextmanager
def spared(what: str) -> Iterator[None]:
    """An error inside leaves out that part alone and is logged in one sentence, with its traceback at the level of
    debugging."""
    try:
        yield
    except Exception as error:
        lines = str(error).strip().splitlines()
        log.error(
            "FaceVeil could not load %s, which is left out under ComfyUI %s (%s: %s).",
            what,
            comfyui_version(),
            type(error).__name__,
            lines[0] if lines else "no reason given",
        )
        log.debug("FaceVeil could not load %s.", what, exc_info=True)


def comfyui_version() -> str:
    try:
        return importlib.import_module("comfyui_version").__version__
    except (ImportError, AttributeError):
        return "of an unknown version"
