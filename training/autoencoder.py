"""Train the bundled autoencoder.

    python training/autoencoder.py POOL.npz OUT.safetensors --minutes 45

Squared error on crops (that is what a difference of two decodings asks for), a little noise on the
latent so that near latents decode alike, weights averaged over the run, latents normalised at the end.
Resumes from OUT with `--resume`. The log of the run that made the shipped weights is autoencoder.log.
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from pathlib import Path

import numpy as np
import photos
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

from faceveil.core.engines.small_autoencoder import SmallAutoencoder

BATCH, CROP = 24, 64
PEAK_RATE, AVERAGE = 1e-3, 0.998
NOISE = 0.03


def pyramid(pool: list[np.ndarray], smallest: int) -> list[Tensor]:
    """Every photo at full, half and quarter size: coarse ones have the crisp detail that small pictures have."""
    levels = []
    for pixels in pool:
        level = torch.from_numpy(pixels).permute(2, 0, 1)
        while min(level.shape[1:]) >= smallest:
            levels.append(level.contiguous())
            even = level[:, : level.shape[1] // 2 * 2, : level.shape[2] // 2 * 2]
            level = F.avg_pool2d(even.float(), 2).round().to(torch.uint8)
    return levels


def crops(levels: list[Tensor], count: int, size: int, generator: torch.Generator) -> Tensor:
    """Random crops in [0, 1], mirrored half of the time."""
    batch = []
    for _ in range(count):
        photo = levels[int(torch.randint(len(levels), (1,), generator=generator))]
        top, left = (int(torch.randint(n - size + 1, (1,), generator=generator)) for n in photo.shape[1:])
        crop = photo[:, top : top + size, left : left + size]
        batch.append(crop.flip(2) if torch.rand(1, generator=generator) < 0.5 else crop)
    return torch.stack(batch).float() / 255


def psnr(model: SmallAutoencoder, pictures: Tensor) -> float:
    with torch.no_grad():
        error = (model.decode(model.encode(pictures)).clamp(0, 1) - pictures).square().flatten(1).mean(1)
    return float((-10 * error.log10()).mean())


def normalise(model: SmallAutoencoder, pictures: Tensor) -> None:
    """From here on latents have zero mean and unit variance over photos."""
    with torch.no_grad():
        model.mean.zero_(), model.spread.fill_(1)
        latents = torch.cat([model.encode(part) for part in pictures.split(16)])
        model.mean.copy_(latents.mean((0, 2, 3)))
        model.spread.copy_(latents.std((0, 2, 3)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pool", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=45)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--frozen-encoder", action="store_true", help="refine the decoder for latents that stay")
    options = parser.parse_args()
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1 if options.resume else 0)
    pool = photos.load(options.pool)
    held = crops(pyramid(pool[::20], 128), 64, 128, torch.Generator().manual_seed(2))
    levels = pyramid([p for i, p in enumerate(pool) if i % 20], CROP)
    model = SmallAutoencoder().to(memory_format=torch.channels_last)
    if options.resume:
        model.load_state_dict({name: value.float() for name, value in load_file(options.out).items()})
    model.encoder.requires_grad_(not options.frozen_encoder)
    average = copy.deepcopy(model)
    weights = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(weights, PEAK_RATE, betas=(0.9, 0.99), weight_decay=0.01)
    started, step, progress = time.time(), 0, 0.0
    while progress < 1:
        progress = (time.time() - started) / 60 / options.minutes
        warm = min(1.0, (step + 1) / 200)
        optimiser.param_groups[0]["lr"] = PEAK_RATE * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
        picture = crops(levels, BATCH, CROP, generator).to(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            latent = model.encode(picture).float()
            noisy = latent + NOISE * torch.randn(latent.shape, generator=generator)
            made = model.decode(noisy).float()
        # Latents drift freely otherwise; the noise above means something only at a known spread.
        loss = (made - picture).square().mean() + 1e-5 * latent.square().mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 0.1)
        optimiser.step()
        with torch.no_grad():
            share = min(AVERAGE, step / (step + 10))
            for mean, value in zip(average.parameters(), model.parameters(), strict=True):
                mean.lerp_(value, 1 - share)
        step += 1
        if step % 500 == 0 or progress >= 1:
            print(  # noqa: T201
                f"step {step} minutes {(time.time() - started) / 60:.1f} loss {loss:.5f} "
                f"held-out photos {psnr(average, held):.2f} dB latent {latent.std():.2f}",
                flush=True,
            )
            save(average, options, levels)
    save(average, options, levels)


def save(model: SmallAutoencoder, options: argparse.Namespace, levels: list[Tensor]) -> None:
    finished = copy.deepcopy(model)
    if not options.frozen_encoder:
        normalise(finished, crops(levels, 256, CROP, torch.Generator().manual_seed(3)))
    state = {name: value.half().contiguous() for name, value in finished.state_dict().items()}
    save_file(state, options.out)


if __name__ == "__main__":
    main()
