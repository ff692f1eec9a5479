"""Train the bundled flow model and its words, on latents of the bundled autoencoder.

    python training/flow.py POOL.npz AUTOENCODER.safetensors OUT_FOLDER --minutes 60

Rectified flow. A photo gets none, one or two tones (changes.py), and its prompt says which; the model's guidance
says how strongly (6 is 1): so guidance does what an artist expects of it, in one evaluation. Encoded photos stay in
a buffer and are used several times. First small pieces, then whole 256 px pictures. The log of the
run that made the shipped weights is flow.log.
"""

from __future__ import annotations

import argparse
import copy
import math
import random
import time
from pathlib import Path

import photos
import torch
from autoencoder import crops, pyramid
from changes import change
from safetensors.torch import load_file, save_file
from torch import Tensor

from faceveil.core.engines.flux import Flux, FluxShape
from faceveil.core.engines.small_autoencoder import SmallAutoencoder
from faceveil.core.engines.words import BUCKETS, LENGTH, TONES, WordEncoder, bucket

PICTURE = 256
FULL_GUIDANCE = 6.0
RATE, AVERAGE = 1e-3, 0.999
SMALL_SHARE = 0.65
"""Share of the time spent on 16x16 pieces of latents: colour and words are learned there, four times as fast."""
Sample = tuple[Tensor, list[int], float]


def described(picture: Tensor, dice: random.Random) -> tuple[Tensor, list[int], float]:
    """The picture changed, its prompt as buckets, and the guidance that goes with it."""
    guidance = dice.uniform(0, 7)
    draw = dice.random()
    tones = dice.sample(sorted(TONES), 0 if draw < 0.15 else 1 if draw < 0.9 else 2)
    for tone in tones:
        picture = change(picture, tone, guidance / FULL_GUIDANCE)
    tokens = [bucket(tone) for tone in tones]
    # Every other word has to mean nothing.
    meaningful = {bucket(tone) for tone in TONES}
    if dice.random() < 0.6:
        fillers = [index for index in (dice.randrange(1, BUCKETS) for _ in range(5)) if index not in meaningful]
        tokens += fillers[: dice.randrange(LENGTH - len(tokens) if tokens else 5)]
    dice.shuffle(tokens)
    return picture, tokens + [0] * (LENGTH - len(tokens)), guidance


def fill(levels: list[Tensor], encoder: SmallAutoencoder, count: int, seed: int) -> list[Sample]:
    """Freshly encoded photos with their words."""
    dice, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    made = [described(p, dice) for p in crops(levels, count, PICTURE, generator)]
    pictures = torch.stack([picture for picture, _, _ in made]).to(memory_format=torch.channels_last)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        latents = encoder.encode(pictures)
    return [(z.half(), tokens, g) for z, (_, tokens, g) in zip(latents, made, strict=True)]


def times(count: int, generator: torch.Generator) -> Tensor:
    """Logit-normal, a little towards noise: there the picture's colours are decided."""
    return torch.sigmoid(0.5 + torch.randn(count, generator=generator))


def loss_of(model: Flux, words: WordEncoder, samples: list[Sample], size: int, generator: torch.Generator) -> Tensor:
    pieces = []
    for latent, _, _ in samples:
        top, left = (int(torch.randint(n - size + 1, (1,), generator=generator)) for n in latent.shape[1:])
        pieces.append(latent[:, top : top + size, left : left + size])
    clean = torch.stack(pieces).float()
    context, pooled = words(torch.tensor([tokens for _, tokens, _ in samples]))
    guidance = torch.tensor([g for _, _, g in samples])
    t = times(len(samples), generator)
    noise = torch.randn(clean.shape, generator=generator)
    noisy = clean.lerp(noise, t.view(-1, 1, 1, 1))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        velocity = model(noisy, t, context, pooled, guidance)
    return (velocity.float() - (noise - clean)).square().mean()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pool", type=Path)
    parser.add_argument("autoencoder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--resume", action="store_true", help="go on from the files in OUT_FOLDER")
    options = parser.parse_args()
    torch.manual_seed(0)
    dice, generator = random.Random(0), torch.Generator().manual_seed(0)
    encoder = SmallAutoencoder().to(memory_format=torch.channels_last).requires_grad_(False)
    encoder.load_state_dict({name: value.float() for name, value in load_file(options.autoencoder).items()})
    pool = photos.load(options.pool)
    held = fill(pyramid(pool[::20], PICTURE), encoder, 64, 10**9)
    levels = pyramid([p for i, p in enumerate(pool) if i % 20], PICTURE)
    model, words = Flux(FluxShape()), WordEncoder()
    torch.nn.init.zeros_(model.final_layer.linear.weight)
    torch.nn.init.normal_(words.words.weight, std=0.5)
    if options.resume:
        for name, part in (("flow", model), ("words", words)):
            state = load_file(options.out / f"{name}.safetensors")
            part.load_state_dict({key: value.float() for key, value in state.items()})
    both = torch.nn.ModuleList([model, words])
    average = copy.deepcopy(both)
    # A word is heard in one sample of thirty, a weight is used in all of them.
    groups = [{"params": list(part.parameters()), "share": share} for part, share in ((model, 1.0), (words, 5.0))]
    optimiser = torch.optim.AdamW(groups, RATE, betas=(0.9, 0.99), weight_decay=0.01)
    buffer: list[Sample] = []
    started, step, progress, recent = time.time(), 0, 0.0, 0.0
    while progress < 1:
        progress = (time.time() - started) / 60 / options.minutes
        small = progress < SMALL_SHARE
        batch = 48 if small else 12
        if len(buffer) < 256 or step % 3 == 0:
            buffer = (buffer + fill(levels, encoder, max(8, batch // 4) if buffer else 256, step))[-6000:]
        warm = min(1.0, (step + 1) / 200)
        rate = RATE * warm * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * progress)))
        for group in optimiser.param_groups:
            group["lr"] = rate * group["share"]
        loss = loss_of(model, words, dice.choices(buffer, k=batch), 16 if small else 32, generator)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(both.parameters(), 1.0)
        optimiser.step()
        with torch.no_grad():
            share = min(AVERAGE, step / (step + 10))
            for mean, value in zip(average.parameters(), both.parameters(), strict=True):
                mean.lerp_(value, 1 - share)
        step += 1
        recent += (float(loss.detach()) - recent) / min(step, 100)
        if step % 250 == 0 or progress >= 1:
            with torch.no_grad():
                validation = loss_of(average[0], average[1], held, 32, torch.Generator().manual_seed(1))
            print(  # noqa: T201
                f"step {step} minutes {(time.time() - started) / 60:.1f} size {16 if small else 32} loss {recent:.4f} "
                f"held-out photos {float(validation):.4f}",
                flush=True,
            )
            for name, part in (("flow", average[0]), ("words", average[1])):
                state = {key: value.half().contiguous() for key, value in part.state_dict().items()}
                save_file(state, options.out / f"{name}.safetensors")


if __name__ == "__main__":
    main()
