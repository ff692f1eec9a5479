"""Attacks that purify: a protected face goes through a generator or an autoencoder before it is searched for."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from ..engines.autoencoder import Autoencoder
from ..engines.bundled import BundledDenoiser, load_autoencoder
from ..engines.denoiser import Denoiser, noised, seeded_noise
from ..errors import NoFaceError
from ..faces.again import find_again
from ..faces.crops import paste, resize, window_around
from ..faces.find import find_faces
from ..trajectory.paths import generate, invert
from .scene import Scene

BUNDLED = "bundled"
_STEPS = 20
"""Of a whole way down; strengths of .05 are one of them."""


class Purifier:
    """The bundled model's way up to noise and back down, of the largest face's window; the rest stays."""

    def __init__(self, device: str = "cpu", steps: int = 10, size: int = 256) -> None:
        self.denoiser, self.autoencoder = BundledDenoiser(device), load_autoencoder(device)
        self.steps, self.size = steps, size

    @torch.inference_mode()
    def __call__(self, picture: Tensor) -> Tensor:
        """(1, 3, H, W) to the same; a picture without a face comes back as it is."""
        try:
            window = window_around(find_faces(picture, which="largest")[0], 0.5)
        except NoFaceError:
            return picture
        latent = self.autoencoder.encode(resize(window.cut(picture), self.size, self.size))
        conditioning = self.denoiser.describe([""])
        levels = self.denoiser.sigmas(self.steps, (latent.shape[-2], latent.shape[-1]))
        start = invert(self.denoiser, latent, levels, conditioning, "euler").start.to(latent)
        cleaned = self.autoencoder.decode(generate(self.denoiser, start, levels, conditioning, "euler")).clamp(0, 1)
        cleaned = resize(cleaned, window.height, window.width)
        return paste(picture, window, cleaned, torch.ones_like(cleaned[:, :1]))


_purifier = lru_cache(maxsize=1)(Purifier)


def purified(tool: str, scene: Scene, strength: float) -> list[Scene]:
    """Up to noise along the bundled model's own path, and back."""
    return [_found(scene, _purifier(str(scene.picture.device))(scene.picture))]


def autoencoded(tool: str, scene: Scene, passes: float) -> list[Scene]:
    """Through an autoencoder so many times: a tiny one by name, a diffusers folder's, or the bundled one."""
    coder = autoencoder(tool, str(scene.picture.device))
    tall, wide = scene.picture.shape[-2:]
    picture = resize(scene.picture, *(_multiple(side, coder.multiple) for side in (tall, wide)))
    with torch.inference_mode():
        for _ in range(round(passes)):
            picture = coder.decode(coder.encode(picture)).clamp(0, 1)
    return [_found(scene, resize(picture, tall, wide))]


def redrawn(tool: str, scene: Scene, strength: float) -> list[Scene]:
    """Image to image: so much noise laid upon the face's square, and taken away by a generator without a prompt."""
    denoiser, coder, side = generator(tool, str(scene.picture.device))
    window = window_around(scene.face, 0.5)
    with torch.inference_mode():
        latent = coder.encode(resize(window.cut(scene.picture), side, side))
        levels = denoiser.sigmas(_STEPS, (latent.shape[-2], latent.shape[-1]))[
            _STEPS - max(1, round(_STEPS * strength)) :
        ]
        start = noised(denoiser, latent, seeded_noise(latent, 0), levels[0])
        drawn = coder.decode(generate(denoiser, start, levels, denoiser.describe([""]), "euler")).clamp(0, 1)
    drawn = resize(drawn, window.height, window.width)
    return [_found(scene, paste(scene.picture, window, drawn, torch.ones_like(drawn[:, :1])))]


def _found(scene: Scene, picture: Tensor) -> Scene:
    return Scene(picture, find_again(picture, scene.face), scene.others)


def _multiple(side: int, of: int) -> int:
    return max(of, round(side / of) * of)


@lru_cache(maxsize=4)
def autoencoder(tool: str, device: str) -> Autoencoder:
    """A tiny one by name, a diffusers folder's, or the bundled one."""
    from ..engines.tiny import load_tiny

    if tool == BUNDLED:
        return load_autoencoder(device)
    return generator(tool, device)[1] if Path(tool).is_dir() else load_tiny(tool).to(device)


@lru_cache(maxsize=2)
def generator(tool: str, device: str) -> tuple[Denoiser, Autoencoder, int]:
    """A generator, its autoencoder, and the side of the square that it works at."""
    if tool == BUNDLED:
        return BundledDenoiser(device), load_autoencoder(device), 256
    from ..engines.diffusers import load

    return *load(tool, device), 512
