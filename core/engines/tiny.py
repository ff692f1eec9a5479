"""Tiny autoencoders of the TAESD family (SD 1.5, SDXL, SD 3, FLUX.1), read from `models/vae_approx`."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from ..errors import ModelError
from ..model_files.places import download_folder, model_folders

_WIDTH = 64


class _Residual(nn.Module):
    """Three convolutions and a shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv(x) + x)


class _SoftClamp(nn.Module):
    """Keeps latents within the range the decoder was trained on, softly, so that gradients survive."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x / 3) * 3


def _encoder(channels: int) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(3, _WIDTH, 3, padding=1), _Residual()]
    for _ in range(3):
        layers += [nn.Conv2d(_WIDTH, _WIDTH, 3, stride=2, padding=1, bias=False), *(_Residual() for _ in range(3))]
    return nn.Sequential(*layers, nn.Conv2d(_WIDTH, channels, 3, padding=1))


def _decoder(channels: int) -> nn.Sequential:
    layers: list[nn.Module] = [_SoftClamp(), nn.Conv2d(channels, _WIDTH, 3, padding=1), nn.ReLU()]
    for _ in range(3):
        layers += [
            *(_Residual() for _ in range(3)),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1, bias=False),
        ]
    return nn.Sequential(*layers, _Residual(), nn.Conv2d(_WIDTH, 3, 3, padding=1))


class TinyAutoencoder(nn.Module):
    """Pictures in [0, 1] to latents of 1/8 the size and back."""

    multiple = 8

    def __init__(self, name: str, channels: int) -> None:
        super().__init__()
        self.name = name
        self.encoder, self.decoder = _encoder(channels), _decoder(channels)

    def encode(self, image: Tensor) -> Tensor:
        return self.encoder(image)

    def decode(self, latent: Tensor) -> Tensor:
        return self.decoder(latent)


def find_tiny(name: str) -> tuple[Path, Path]:
    """The encoder's and the decoder's file, by a name ("taesd"), a folder's file, or the path of either."""
    given = Path(name)
    folders = [given.parent] if given.suffix else model_folders("vae_approx")
    stem = given.stem.removesuffix("_encoder").removesuffix("_decoder")
    for folder in folders:
        encoder, decoder = (folder / f"{stem}_{half}.safetensors" for half in ("encoder", "decoder"))
        if encoder.is_file() and decoder.is_file():
            return encoder, decoder
    target = given.parent if given.suffix else download_folder("vae_approx")
    raise ModelError(
        f"There is no autoencoder '{name}' here: put {stem}_encoder.safetensors and {stem}_decoder.safetensors into "
        f"{target}{'' if target.is_dir() else ', a folder to be made'}."
    )


def load_tiny(name: str) -> TinyAutoencoder:
    """Load by name or path; never downloads."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    encoder, decoder = find_tiny(name)
    try:
        states = load_file(encoder), load_file(decoder)
        channels = states[1]["1.weight"].shape[1]
        model = TinyAutoencoder(encoder.stem.removesuffix("_encoder"), channels)
        model.encoder.load_state_dict(states[0])
        model.decoder.load_state_dict(states[1])
    except (SafetensorError, KeyError, RuntimeError) as error:
        raise ModelError(
            f"{encoder.name} or {decoder.name} is no tiny autoencoder of the TAESD family, or is damaged: get both "
            "again."
        ) from error
    return model.eval().requires_grad_(False)
