"""A ComfyUI VAE with gradients: by itself, in the latent space its model samples in, or as the tiny decoder of that
space. No ComfyUI import before one is used.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import nullcontext
from copy import copy, deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ...core.engines.tiny import find_tiny, load_tiny
from ...core.errors import InputError, ModelError
from ...core.faces.crops import resize
from .gradients import checkpointed, make_differentiable, ordinary
from .memory import PLAIN, Economy, decode_in_tiles
from .pictures import OneFrame, flat, has_time

log = logging.getLogger("faceveil")
_SIDE = 256
_AWAY = 0.5
"""A tiny decoder whose picture differs by more than this, in units of the picture's own deviation, belongs to another
latent space."""
GRADIENT_SHARE = 3
"""What decoding with a gradient takes, in units of ComfyUI's estimate for decoding."""


class VaeAutoencoder:
    """Pictures (B, 3, H, W) in [0, 1] to latents of unit spread and back.

    A VAE says nothing of its latents' scale (SD's spread is about 5), but how far a latent is moved
    in one step must mean the same for all of them: latents are divided by the spread of the pictures
    last encoded. `vae.decode` is not used: it clamps, and has no gradient where it does.
    """

    def __init__(self, vae: Any, beside: Sequence[Any] = (), economy: Economy = PLAIN) -> None:
        """Loads the VAE; has to be called in inference mode, where ComfyUI expects its loading to happen.

        `beside` are the patchers of models that have to stay loaded.
        """
        import comfy.model_management

        self.vae, self.network, self.multiple = vae, vae.first_stage_model, refuse_unsuited(vae)
        self.name = type(self.network).__name__
        self.device, self.economy = vae.device, economy
        self.timed = getattr(vae, "latent_dim", 2) == 3
        cells = (1, 64, 64) if self.timed else (64, 64)
        needed = vae.memory_used_decode((1, 0, *cells), vae.vae_dtype) * GRADIENT_SHARE
        comfy.model_management.load_models_gpu([*beside, vae.patcher], memory_required=needed)
        make_differentiable(self.network)
        self.decoder, self.dtype = decoder_with_gradient(self.network, vae.vae_dtype)
        self.spread = 1.0
        self.low, self.slope = output_scale(vae.process_output)

    def encode(self, image: Tensor) -> Tensor:
        given = self.vae.process_input(image).to(self.vae.device, self.vae.vae_dtype)
        latent = flat(self.network.encode(given.unsqueeze(2) if self.timed else given)).float().to(image.device)
        self.spread = max(float(latent.std()), 1e-6)
        return latent / self.spread

    def decode(self, latent: Tensor) -> Tensor:
        given = (latent * self.spread).to(self.vae.device, self.dtype)
        if self.economy.tiled:
            # Each is computed again as a whole, when the blocks are no longer what `checkpointed` makes of them.
            picture = decode_in_tiles(self._decoded, given, self.multiple)
        elif self.economy.checkpointed and self.timed:
            # Blocks of networks for videos leave notes for the next frame, and would find them when computed again.
            picture = checkpoint(self._decoded, given, use_reentrant=False)
        else:
            # Where it is only half of an autoencoder, the other half is not called.
            blocks = getattr(self.decoder, "decoder", self.decoder)
            with checkpointed(blocks) if self.economy.checkpointed else nullcontext():
                picture = self._decoded(given)
        return picture.float().to(latent.device) * self.slope + self.low

    def _decoded(self, latent: Tensor) -> Tensor:
        if not self.timed:
            return self.decoder.decode(latent)
        return self.decoder.decode(latent.unsqueeze(2))[:, :, 0]


def decoder_with_gradient(network: Any, dtype: torch.dtype) -> tuple[Any, torch.dtype]:
    """The network whose gradient is that of float32, and its precision.

    Half precision is enough for a smooth network, whose gradient keeps a cosine of .999. One with kinks (ReLU) has
    another gradient wherever rounding moves a value over one, .97 for bfloat16: it is computed in float32, on a copy.
    ComfyUI has kinks in its tiny autoencoders alone, of some megabytes.
    """
    if dtype == torch.float32 or not any(isinstance(part, (nn.ReLU, nn.LeakyReLU)) for part in network.modules()):
        return network, dtype
    with torch.inference_mode(False):
        return deepcopy(network).float(), torch.float32


def refuse_unsuited(vae: Any) -> int:
    """How many times smaller its latents are; audio and other VAEs have latents that are no pictures.

    That of a video is one where a single frame becomes one of the latent, and that one frame again: Qwen-Image's and
    Wan's.
    """
    smaller = getattr(vae, "downscale_ratio", None)
    if getattr(vae, "latent_dim", 2) == 3 and isinstance(smaller, tuple):
        frames, *sides = smaller
        larger = vae.upscale_ratio[0]
        alone = callable(frames) and callable(larger) and frames(1) == 1 and larger(1) == 1
        smaller = sides[0] if alone and sides[0] == sides[-1] else None
    elif getattr(vae, "latent_dim", 2) != 2:
        smaller = None
    if getattr(vae, "output_channels", 3) != 3 or not isinstance(smaller, int):
        raise InputError(
            "This VAE is not one for single pictures. Connect that of an SD, SDXL, SD3, Flux, Qwen-Image or Wan model."
        )
    return smaller


def output_scale(process_output: Any) -> tuple[float, float]:
    """Offset and slope of a VAE's clamping `process_output` where it does not clamp."""
    low, high = (float(process_output(torch.tensor([value]))) for value in (0.0, 0.5))
    return low, (high - low) / 0.5


class ModelVae:
    """Pictures (B, 3, H, W) in [0, 1] to the latents a model sees, and back: what the core edits and guards with."""

    def __init__(
        self, vae: Any, latent_format: Any, beside: Sequence[Any] = (), economy: Economy = PLAIN, tiny: bool = False
    ) -> None:
        """`beside` are patchers that have to stay loaded; `tiny` decodes with the small decoder of the same space."""
        self.vae, self.format = VaeAutoencoder(vae, beside, economy), latent_format
        self.name, self.multiple = self.vae.name, self.vae.multiple
        self.tiny = tiny_decoder(latent_format, self.vae.device) if tiny else None

    def encode(self, image: Tensor) -> Tensor:
        latent = self.vae.encode(image) * self.vae.spread
        return self.format.process_in(latent)

    def decode(self, latent: Tensor) -> Tensor:
        if self.tiny is not None:
            return self.tiny.decode(latent.to(self.vae.device)).to(latent.device)
        return self.vae.decode(self.format.process_out(latent) / self.vae.spread)


def tiny_decoder(latent_format: Any, device: Any) -> Any:
    """The tiny autoencoder of this latent space, from ComfyUI's folder of them; it reads what models sample."""
    name = tiny_name(latent_format)
    if not name:
        raise InputError("There is no tiny decoder for this model's latents. Switch 'tiny decoder' off.")
    try:
        find_tiny(name)
    except ModelError as error:
        raise ModelError(
            f"The tiny decoder is not here: put {name}_encoder.safetensors and {name}_decoder.safetensors into "
            "models/vae_approx, or switch 'tiny decoder' off."
        ) from error
    with torch.inference_mode(False):
        return load_tiny(name).to(device)


def tiny_name(latent_format: Any) -> str:
    """Under what name the tiny autoencoder of this latent space is known; empty without one."""
    name = getattr(latent_format, "taesd_decoder_name", None) or ""
    return name.removesuffix("_decoder") if name.startswith("tae") else ""


def latent_format_of(model: Any) -> Any:
    """The latent format of a MODEL, for latents of pictures; some hold tensors, which were made in inference mode."""
    latent_format = copy(model.get_model_object("latent_format"))
    vars(latent_format).update(ordinary(vars(latent_format)))
    return OneFrame(latent_format) if has_time(latent_format) else latent_format


class QuickDecoder:
    """Decodes what a `VaeAutoencoder` has encoded with the tiny decoder of the same space."""

    def __init__(self, full: VaeAutoencoder, latent_format: Any) -> None:
        self.full, self.format = full, latent_format
        self.tiny = tiny_decoder(latent_format, full.device)
        self.name, self.multiple = self.tiny.name, full.multiple

    def encode(self, image: Tensor) -> Tensor:
        return self.full.encode(image)

    def decode(self, latent: Tensor) -> Tensor:
        sampled = self.format.process_in(latent * self.full.spread)
        return self.tiny.decode(sampled.to(self.full.device)).to(latent.device)


def quick_decoder(full: VaeAutoencoder, picture: Tensor) -> QuickDecoder | None:
    """The one in `models/vae_approx` that makes of `picture` (1, 3, H, W) what the VAE makes of it, if there is any.

    Which space a VAE's latents lie in cannot be asked, but seen: SD's and SDXL's have as many channels, and the
    decoder of the one shows nothing of the other's pictures.
    """
    import comfy.taesd.taesd

    if isinstance(full.network, comfy.taesd.taesd.TAESD):
        return None
    found: list[tuple[float, QuickDecoder]] = []
    with torch.no_grad():
        latent = full.encode(resize(picture, _SIDE, _SIDE))
        wanted = full.decode(latent)
        for latent_format in spaces(full.vae.latent_channels):
            try:
                quick = QuickDecoder(full, latent_format)
            except ModelError as error:
                log.debug("FaceVeil: %s", error)
                continue
            away = (quick.decode(latent) - wanted).square().mean().sqrt() / wanted.std().clamp_min(1e-6)
            found.append((float(away), quick))
    least, nearest = min(found, key=lambda each: each[0], default=(_AWAY, None))
    return nearest if least < _AWAY else None


def spaces(channels: int) -> list[Any]:
    """All latent spaces of pictures with so many channels that a tiny decoder is known for."""
    import comfy.latent_formats

    kinds: list[Any] = [each for each in vars(comfy.latent_formats).values() if isinstance(each, type)]
    known = [kind() for kind in kinds if kind.latent_channels == channels and kind.latent_dimensions == 2]
    return [each for each in known if tiny_name(each)]
