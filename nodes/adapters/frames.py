"""Models and VAEs of videos, taken for single pictures: the core's latents have no time axis. No ComfyUI import."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ...core.errors import InputError


def flat(latent: Tensor) -> Tensor:
    """The latent (B, C, h, w) of pictures, where a model has it as that of videos of one frame (B, C, 1, h, w)."""
    if latent.ndim == 4:
        return latent
    if latent.ndim != 5 or latent.shape[2] != 1:
        raise InputError(
            "This is a latent of a video or of audio. Connect one of a single picture: the VAEs of Qwen-Image and Wan "
            "make a video of a batch, so encode its pictures one by one."
        )
    return latent[:, :, 0]


def shaped_like(latent: Tensor, other: Tensor) -> Tensor:
    """The latent (B, C, h, w) with a time axis where the other has one."""
    return latent.unsqueeze(2) if other.ndim == 5 else latent


def has_time(latent_format: Any) -> bool:
    return getattr(latent_format, "latent_dimensions", 2) == 3


class OneFrame:
    """A latent format with a time axis, for latents without one."""

    taesd_decoder_name = None

    def __init__(self, videos: Any) -> None:
        self.videos, self.latent_channels = videos, videos.latent_channels

    def process_in(self, latent: Tensor) -> Tensor:
        return flat(self.videos.process_in(latent.unsqueeze(2)))

    def process_out(self, latent: Tensor) -> Tensor:
        return flat(self.videos.process_out(latent.unsqueeze(2)))
