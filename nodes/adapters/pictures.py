"""ComfyUI's IMAGE, MASK and LATENT tensors as the core wants them. No ComfyUI import.

Nodes run in inference mode, whose tensors cannot take part in a gradient: what is handed on are
always copies made outside of it. Models and VAEs of videos are taken for single pictures, for the core's latents
have no time axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...core.errors import InputError
from ...core.images import to_bchw

_STAND_IN = (64, 64)
"""Load Image's MASK for a picture without transparency: so large, and all zero."""


def pictures_of(image: Tensor, name: str = "image") -> list[Tensor]:
    """The pictures of an IMAGE (B, H, W, C) as (1, H, W, 3) in [0, 1]; transparency is left out."""
    _refuse_unfit(image, name)
    with torch.inference_mode(False):
        return list(image[..., :3].detach().clone().float().cpu().clamp(0, 1).split(1))


def frames_of(image: Tensor, name: str = "images") -> Tensor:
    """A whole IMAGE (B, H, W, C) as one copy that may be changed in place; what lies outside of [0, 1] stays."""
    _refuse_unfit(image, name)
    with torch.inference_mode(False):
        return image.detach().clone().float().cpu()


def _refuse_unfit(image: Tensor, name: str) -> None:
    if image.ndim != 4 or image.shape[-1] not in (3, 4) or not image.numel():
        raise InputError(
            f"The input '{name}' holds no picture in colour (its shape is {list(image.shape)}). Connect an IMAGE."
        )
    if not torch.isfinite(image[..., :3]).all():
        raise InputError(f"The input '{name}' holds invalid numbers (NaN): a node before this one went wrong.")


def tensors_of(image: Tensor | None, name: str) -> list[Tensor]:
    """The pictures of an optional IMAGE as (1, 3, H, W)."""
    return [] if image is None else [to_bchw(picture) for picture in pictures_of(image, name)]


def alphas_of(image: Tensor) -> list[Tensor] | None:
    """The transparency of an IMAGE's pictures as (1, H, W) each, where it has one."""
    if image.shape[-1] != 4:
        return None
    with torch.inference_mode(False):
        return list(image[..., 3].detach().clone().float().cpu().clamp(0, 1).split(1))


def image_of(pictures: Sequence[Tensor], like: Tensor) -> Tensor:
    """Pictures (1, H, W, 3) as one IMAGE with the device and the transparency of `like`."""
    colour = torch.cat([picture.cpu() for picture in pictures])
    return torch.cat([colour, like[..., 3:].float().cpu()], -1).to(like.device)


def latents_of(latent: dict[str, Any], channels: int | None = None) -> Tensor:
    """The samples of a LATENT of pictures as an ordinary copy (B, C, h, w), of so many channels when that matters."""
    samples = flat(latent["samples"])
    if channels is not None and samples.shape[1] != channels:
        raise InputError(
            f"The latent has {samples.shape[1]} channels and the model works on {channels}: encode the picture with "
            "the model's own VAE."
        )
    with torch.inference_mode(False):
        return samples.detach().clone().float()


def masks_of(mask: Tensor | None, count: int) -> list[Tensor | None]:
    """One mask (1, H, W) for each of `count` pictures; None where everything may change."""
    if mask is None or (tuple(mask.shape[-2:]) == _STAND_IN and not mask.any()):
        return [None] * count
    with torch.inference_mode(False):
        planes = mask.detach().clone().float().cpu().clamp(0, 1).reshape(-1, *mask.shape[-2:])
    if len(planes) not in (1, count):
        raise InputError(
            f"There are {len(planes)} masks for {count} pictures: connect one mask for all, or one for each."
        )
    return list((planes if len(planes) == count else planes.expand(count, -1, -1)).split(1))


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
