# ruff: noqa: T201
"""What the two methods cost on models of real size, with random weights: seconds, evaluations and peak memory.

    python docs/measure/cost.py --size tiny                        # seconds, anywhere
    python docs/measure/cost.py --size sd2 --device cuda
    python docs/measure/cost.py --size flux-dev --device cuda --pixels 512 1024

Cost does not depend on what the weights know, so nothing is downloaded. Ratios are of one run; only they compare.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import diffusers
import torch

from faceveil.core.attention.guide import AttentionGuide
from faceveil.core.bench.memory import peak_memory
from faceveil.core.engines.counted import Counted
from faceveil.core.engines.denoiser import Conditioning
from faceveil.core.engines.diffusers import adapt
from faceveil.core.methods.edit import Edit, edit_image
from faceveil.core.methods.purification import DenoisedOffset
from faceveil.core.trajectory.embeddings import Learning, learn_embeddings, step_down
from faceveil.core.trajectory.paths import generate, invert

SIZES: dict[str, dict[str, Any]] = {
    "tiny": {"unet": {"block_out_channels": (32, 64), "cross_attention_dim": 32, "attention_head_dim": 4}},
    "sd2": {
        "unet": {
            "block_out_channels": (320, 640, 1280, 1280),
            "cross_attention_dim": 1024,
            "attention_head_dim": (5, 10, 20, 20),
            "use_linear_projection": True,
        }
    },
    "flux-tiny": {
        "flux": {
            "num_layers": 1,
            "num_single_layers": 2,
            "attention_head_dim": 16,
            "num_attention_heads": 2,
            "joint_attention_dim": 32,
            "pooled_projection_dim": 32,
            "axes_dims_rope": (4, 4, 8),
        }
    },
    "flux-dev": {"flux": {"num_layers": 19, "num_single_layers": 38}},
}
"""Sizes as the models' own settings state them; what is not named is diffusers' default."""


def unet_pipeline(size: dict[str, Any], device: str, dtype: torch.dtype) -> tuple[Any, Conditioning]:
    depth = len(size["block_out_channels"])
    unet = diffusers.UNet2DConditionModel(
        down_block_types=("CrossAttnDownBlock2D",) * (depth - 1) + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * (depth - 1),
        sample_size=64,
        in_channels=4,
        out_channels=4,
        **size,
    )
    scheduler = diffusers.DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    pipeline = diffusers.StableDiffusionPipeline(
        vae=autoencoder(4, 128 if depth == 4 else 32, 0.18215),
        text_encoder=None,
        tokenizer=None,
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).to(device, dtype)
    return pipeline, Conditioning(torch.randn(1, 77, size["cross_attention_dim"], device=device, dtype=dtype))


def flux_pipeline(size: dict[str, Any], device: str, dtype: torch.dtype) -> tuple[Any, Conditioning]:
    # 12 billion numbers are made where they are used: the processor's memory may not hold them.
    with torch.device(device):
        torch.set_default_dtype(dtype)
        transformer = diffusers.FluxTransformer2DModel(guidance_embeds=True, **size)
        torch.set_default_dtype(torch.float32)
    known = transformer.config
    pipeline = diffusers.FluxPipeline(
        transformer=transformer,
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
        vae=autoencoder(16, 128 if known.num_layers > 1 else 32, 0.3611, shift_factor=0.1159).to(device, dtype),
        text_encoder=None,
        tokenizer=None,
        text_encoder_2=None,
        tokenizer_2=None,
    )
    made = torch.randn(1, 512, known.joint_attention_dim, device=device, dtype=dtype)
    return pipeline, Conditioning(made, torch.randn(1, known.pooled_projection_dim, device=device, dtype=dtype), 3.5)


def autoencoder(channels: int, width: int, scale: float, **more: object) -> diffusers.AutoencoderKL:
    return diffusers.AutoencoderKL(
        block_out_channels=(width, 2 * width, 4 * width, 4 * width),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        latent_channels=channels,
        scaling_factor=scale,
        **more,
    )


class Spoken:
    """The pipeline's denoiser with one conditioning for every prompt: there is no text encoder."""

    def __init__(self, denoiser: Any, said: Conditioning) -> None:
        self.denoiser, self.said = denoiser, said

    def __getattr__(self, name: str) -> Any:
        return getattr(self.denoiser, name)

    def describe(self, prompts: list[str], guidance: float | None = None) -> Conditioning:
        return self.said


@dataclass(frozen=True)
class Cost:
    """Of one thing that was done once."""

    name: str
    evaluations: float
    seconds: float
    mb: float


def timed(name: str, work: Callable[[], float], device: str) -> Cost:
    """`work` returns how many sample-evaluations it took; done once before, since first times are slow."""
    wait = torch.cuda.synchronize if device.startswith("cuda") else lambda: None
    work()
    with peak_memory(device) as memory:
        wait()
        started = time.perf_counter()
        evaluations = work()
        wait()
        seconds = time.perf_counter() - started
    return Cost(name, evaluations, seconds, memory.mb)


def optimisation(denoiser: Spoken, pictures: Any, side: int, device: str) -> list[Cost]:
    """One iteration of weakened purification's search, without decoding: the published procedure, and three of ours.

    The published one's attention maps are not made here, so its seconds and memory are too low.
    """
    latent = torch.randn(1, denoiser.channels, side, side, device=device)
    levels = denoiser.sigmas(20, (side, side))[-4:]
    path = invert(denoiser, latent, levels, denoiser.said, "euler")

    def theirs() -> float:
        offset = torch.zeros_like(latent, requires_grad=True)
        x = torch.cat([latent, latent + offset])
        for here, there in pairwise(levels):
            x = step_down(denoiser, torch.cat([x, x]), here, there, denoiser.said)[:2]
        x[1].square().sum().backward()
        return 4 * 3

    costs = [timed("weakened purification, an iteration as published", theirs, device)]
    for form, checkpointed in (("full", False), ("light", False), ("light", True)):
        guide, counted = AttentionGuide(form), Counted(denoiser)
        short = learn_embeddings(denoiser, path, denoiser.said, 3, Learning(0), landing=guide.remembering)
        variable = DenoisedOffset(counted, pictures, short, guide=guide, checkpointed=checkpointed)

        def ours(variable: DenoisedOffset = variable, counted: Counted = counted) -> float:
            before = counted.evaluations
            ended, change = variable.walk(torch.tensor([0]))
            (ended.square().sum() + change.sum()).backward()
            return counted.evaluations - before

        costs.append(timed(f"ours, attention '{form}'{', checkpointed' if checkpointed else ''}", ours, device))
    return costs


def editing(denoiser: Spoken, pictures: Any, pixels: int, device: str) -> list[Cost]:
    """An edit of 25 steps with nothing attacked: the published schedule runs two branches from the start."""
    latent = torch.randn(1, denoiser.channels, pixels // 8, pixels // 8, device=device)
    levels, counted = denoiser.sigmas(25, tuple(latent.shape[-2:])), Counted(denoiser)
    image, mask = (torch.rand(1, channels, pixels, pixels, device=device) for channels in (3, 1))

    def theirs() -> float:
        before = counted.evaluations
        start = invert(counted, latent, levels, denoiser.said, "midpoint").start.to(latent)
        for _ in ("clean", "protected"):
            generate(counted, start, levels, denoiser.said, "midpoint")
        return counted.evaluations - before

    def ours() -> float:
        return edit_image(image, mask, Edit("target", "source"), denoiser, pictures, pixels).evaluations

    return [
        timed("Flux-Guard, an edit as published", theirs, device),
        timed("ours, encoded and decoded too", ours, device),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--pixels", type=int, nargs="+", default=[256])
    options = parser.parse_args()
    dtype = torch.bfloat16 if options.device.startswith("cuda") else torch.float32
    (kind, size), *_ = SIZES[options.size].items()
    torch.manual_seed(0)
    pipeline, said = (unet_pipeline if kind == "unet" else flux_pipeline)(size, options.device, dtype)
    denoiser, pictures = adapt(pipeline, options.size)
    spoken = Spoken(denoiser, said)
    print("| pixels | what | sample-evaluations | seconds | of the published | peak MB |\n| --- |" + " --- |" * 5)
    for pixels in options.pixels:
        groups = (
            optimisation(spoken, pictures, pixels // 8, options.device),
            editing(spoken, pictures, pixels, options.device),
        )
        for group in groups:
            for cost in group:
                share = cost.seconds / group[0].seconds
                figures = f"{cost.evaluations:.0f} | {cost.seconds:.3f} | {share:.2f} | {cost.mb:.0f}"
                print(f"| {pixels} | {cost.name} | {figures} |")


if __name__ == "__main__":
    main()
