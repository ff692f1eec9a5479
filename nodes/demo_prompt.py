"""Node: Demo Prompt."""

from __future__ import annotations

import torch
from comfy_api.latest import io

from ..core.engines.bundled import GUIDANCE, load_words
from ..core.engines.words import TONES
from .parts.sockets import CATEGORY, schema


class DemoPrompt(io.ComfyNode):
    """Words of light and colour for the demo model."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="FaceVeilDemoPrompt",
            display_name="Demo Prompt",
            category=CATEGORY,
            search_aliases=["clip text encode", "text prompt"],
            description="A prompt for the demo model. It understands: " + ", ".join(TONES) + ".",
            inputs=[
                io.String.Input(
                    "prompt", default="red", multiline=True, tooltip="Words of light and colour; others mean nothing."
                ),
                io.Float.Input(
                    "guidance",
                    default=GUIDANCE,
                    min=0.0,
                    max=7.0,
                    step=0.1,
                    tooltip="How strongly the words are taken: 0 not at all, 6 as strongly as in training.",
                ),
            ],
            outputs=[io.Conditioning.Output(display_name="conditioning")],
        )

    @classmethod
    def execute(cls, prompt: str, guidance: float) -> io.NodeOutput:
        with torch.inference_mode(False), torch.no_grad():
            context, pooled = load_words().encode([prompt])
        return io.NodeOutput([[context, {"pooled_output": pooled, "guidance": guidance}]])
