"""Node: Adaptive Weight Scheduler."""

from __future__ import annotations

from comfy_api.latest import io

from .parts.sockets import CATEGORY, Weights, schema
from .parts.weighting import SCHEDULES, make_weights


class WeightScheduler(io.ComfyNode):
    """How much hiding the identity counts against keeping the picture, from step to step."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        def number(name: str, default: float, low: float, high: float, tooltip: str) -> io.Float.Input:
            return io.Float.Input(name, default=default, min=low, max=high, step=0.01, round=0.001, tooltip=tooltip)

        return schema(
            node_id="FaceVeilWeights",
            display_name="Adaptive Weight Scheduler",
            category=CATEGORY,
            search_aliases=["loss weights", "schedule"],
            description="Replaces a strength's own balance between hiding the identity and keeping the picture.",
            inputs=[
                io.Combo.Input(
                    "schedule",
                    options=list(SCHEDULES),
                    default="sigmoid",
                    tooltip="sigmoid: identity counts fully while the change is small and fades as it nears the limit. "
                    "constant: always the same. linear: from one weight to another. budget: finds by itself the "
                    "weight that spends just the limit.",
                ),
                number("weight", 1.0, 0, 100, "Weight of the identity; with linear and sigmoid the one at the start."),
                number("end_weight", 0.05, 0, 100, "linear: the weight at the end. sigmoid: the one beyond the limit."),
                number("steepness", 20, 0, 200, "sigmoid only: how abruptly the weight falls around the limit."),
                number(
                    "limit",
                    0.15,
                    0.01,
                    1,
                    "sigmoid and budget: how visible the change may become, as 1 - MS-SSIM.",
                ),
                number(
                    "visibility",
                    0.5,
                    0,
                    100,
                    "Weight of the visible change itself (all but budget). At 0 it is not measured, and sigmoid "
                    "has nothing to go by.",
                ),
            ],
            outputs=[
                Weights.Output(display_name="weights", tooltip="For Protect Portrait and Latent Adversarial Optimizer.")
            ],
        )

    @classmethod
    def execute(
        cls,
        schedule: str,
        weight: float,
        end_weight: float,
        steepness: float,
        limit: float,
        visibility: float,
    ) -> io.NodeOutput:
        return io.NodeOutput(make_weights(schedule, weight, end_weight, steepness, limit, visibility))
