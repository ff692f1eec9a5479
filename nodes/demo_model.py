"""Node: Load Demo Model."""

from __future__ import annotations

import torch
from comfy_api.latest import io

from .parts.sockets import CATEGORY, schema


class LoadDemoModel(io.ComfyNode):
    """The small generator that comes with the pack: everything runs with nothing downloaded, on a CPU too."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="FaceVeilLoadDemoModel",
            display_name="Load Demo Model",
            category=CATEGORY,
            search_aliases=["load checkpoint", "example model"],
            description="The small Flux that comes with FaceVeil. It knows light, colour and texture, not faces: for "
            "trying workflows out and for edits such as 'red lipstick'. Pictures of 256 px suit it.",
            inputs=[],
            outputs=[
                io.Model.Output(display_name="model", tooltip="A flow model, for every sampler and guider."),
                io.Vae.Output(display_name="vae", tooltip="Its autoencoder: 8 times smaller, 16 channels."),
            ],
        )

    @classmethod
    def execute(cls) -> io.NodeOutput:
        from .adapters.demo import demo_model, demo_vae

        with torch.inference_mode(False):
            return io.NodeOutput(demo_model(), demo_vae())
