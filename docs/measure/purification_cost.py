"""What an iteration of weakened purification costs, as published and here: evaluations of the denoiser, and seconds.

    python docs/measure/purification_cost.py unet bundled

Both walk the same short path from the same latent and minimise the same sum, identity (of the latent at the end, so
that no decoder or recogniser blurs the ratio) and attention. Nothing is learned: that costs both the same. `unet` is
Stable Diffusion's class a few layers deep, `bundled` the generator that comes with the package, at 256 pixels. "light"
is the form of the attention term that our own recipes use. (Models of real size: cost.py, without the published maps.)
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "helpers"))

from procedure import Ours, Procedure, learned

from faceveil.core.attention.guide import AttentionGuide
from faceveil.core.engines.bundled import BundledDenoiser, load_autoencoder
from faceveil.core.engines.denoiser import Denoiser
from faceveil.core.engines.diffusers import adapt

SIDE = {"unet": 16, "bundled": 32}


class Undecoded:
    """An autoencoder that does nothing: only the way through the denoiser is timed."""

    name, multiple = "none", 1

    def decode(self, latent: Tensor) -> Tensor:
        return latent


def unet(device: str) -> Denoiser:
    from tiny_pipelines import sd

    pipeline = sd()
    pipeline.unet.double()
    return adapt(pipeline.to(device))[0]


MODELS = {"unet": unet, "bundled": BundledDenoiser}


def timed(run: Procedure | Ours, want: Tensor, iterations: int) -> tuple[Tensor, float, float]:
    """Where it ends, and per iteration: evaluations and seconds (which hold a share of the walk that shows the end)."""
    identity = lambda x: torch.cosine_similarity(x.flatten(1), want.flatten()[None])
    started = time.perf_counter()
    ended = run.run(identity, iterations).cpu()  # Fetching it waits for the device.
    return ended, run.model.evaluations / (iterations + 1), (time.perf_counter() - started) / iterations


def measure(name: str, device: str, iterations: int) -> str:
    model, side = MODELS[name](device), SIDE[name]
    generator = torch.Generator().manual_seed(3)
    exact = torch.float64 if name == "unet" else torch.float32
    channels = load_autoencoder().encode(torch.zeros(1, 3, 64, 64)).shape[1] if name == "bundled" else model.channels
    clean, want = (torch.randn(1, channels, side, side, generator=generator, dtype=exact).to(device) for _ in range(2))
    guides = {form: AttentionGuide(form) for form in ("full", "light")}
    paths = {form: learned(model, clean, 0, guide) for form, guide in guides.items()}
    runs = {
        "published": Procedure(model, paths["full"]),
        **{form: Ours(model, paths[form], guides[form], Undecoded()) for form in guides},
    }
    timed(Ours(model, paths["light"], guides["light"], Undecoded()), want, 1)  # Whoever comes first warms up.
    done = {which: timed(run, want, iterations) for which, run in runs.items()}
    (theirs, asked, seconds), (ours, own, full), (_, _, light) = done["published"], done["full"], done["light"]
    apart = float((theirs - ours).abs().max())
    return (
        f"| {name} | {asked:.0f} | {own:.0f} | {seconds:.3f} | {full:.3f} | {light:.3f} "
        f"| {seconds / full:.2f} | {seconds / light:.2f} | {apart:.1e} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", choices=MODELS)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--iterations", type=int, default=10)
    options = parser.parse_args()
    sys.stdout.write(
        "| model | evaluations: published | ours | seconds: published | ours, full | ours, light "
        "| ratio, full | ratio, light | ends differ by |\n| --- |" + " --- |" * 8 + "\n"
    )
    for name in options.models:
        sys.stdout.write(measure(name, options.device, options.iterations) + "\n")


if __name__ == "__main__":
    main()
