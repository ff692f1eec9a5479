"""The list of nodes that ComfyUI is given."""

from __future__ import annotations

import importlib
import logging

from comfy_api.latest import ComfyExtension, io

log = logging.getLogger("faceveil")

NODES = {
    "load_recogniser": "LoadRecogniser",
    "find": "FindFaces",
    "decoy": "Decoy",
    "weights": "WeightScheduler",
    "protect": "Protect",
    "sharing": "Sharing",
    "verdict": "Verdict",
    "save_protected": "SaveProtected",
    "region": "EditRegion",
    "invert": "InvertToTrajectory",
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
        from .adapters.places import share_model_folders

        # Here and not in `on_load`, which ComfyUI 0.3.64 and 0.8.0 never call.
        share_model_folders()
        found = []
        for module, name in NODES.items():
            try:
                node = getattr(importlib.import_module(f".{module}", __package__), name)
                # What another version of ComfyUI dislikes about one schema would cost all of them.
                node.GET_SCHEMA()
                found.append(node)
            except Exception:
                log.exception("FaceVeil's node '%s' could not be loaded and is left out.", name)
        return found
