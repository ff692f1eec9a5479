"""What a generator makes of a protected face: the picture of those who would clean it before they search."""

from __future__ import annotations

import torch
from torch import Tensor

from ..engines.bundled import BundledDenoiser, load_autoencoder
from ..errors import NoFaceError
from ..faces.crops import paste, resize, window_around
from ..faces.find import find_faces
from ..trajectory.paths import generate, invert


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
        said = self.denoiser.describe([""])
        levels = self.denoiser.sigmas(self.steps, tuple(latent.shape[-2:]))
        start = invert(self.denoiser, latent, levels, said, "euler").start.to(latent)
        cleaned = self.autoencoder.decode(generate(self.denoiser, start, levels, said, "euler")).clamp(0, 1)
        cleaned = resize(cleaned, window.height, window.width)
        return paste(picture, window, cleaned, torch.ones_like(cleaned[:, :1]))
