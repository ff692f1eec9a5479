"""Which generator to work with: the bundled one, or a diffusers pipeline."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from .judging import services_in

if TYPE_CHECKING:
    from ..engines.autoencoder import Autoencoder
    from ..engines.denoiser import Denoiser

BUNDLED = "bundled"
DTYPES = ("fp32", "fp16", "bf16")
"""`diffusers_reading.DTYPES`, by heart: declaring options must not load what reading needs."""
PREDICTIONS = ("epsilon", "v_prediction", "sample")
"""`diffusers_families.PREDICTIONS`, by heart as well."""


def add_model(parser: argparse._ActionsContainer) -> None:
    say = parser.add_argument
    say(
        "--model",
        default=BUNDLED,
        metavar="NAME_OR_FOLDER_OR_FILE",
        help="the generator: bundled (default), a diffusers folder, or a .safetensors checkpoint of SD 1, 2, XL, 3 or "
        "FLUX.1",
    )
    say(
        "--model-config",
        type=Path,
        metavar="FOLDER",
        help="a diffusers folder of the same family, which has what a checkpoint lacks",
    )
    say("--dtype", choices=DTYPES, help="the precision of --model (default: fp32)")
    say("--variant", metavar="NAME", help="which files of --model, where they come in several: fp16 (default: plain)")
    say(
        "--prediction",
        choices=PREDICTIONS,
        help="what a --model of SD 1, 2 or XL predicts, where its settings do not say: a v-prediction checkpoint draws "
        "noise as epsilon",
    )


def load_model(options: argparse.Namespace, device: str) -> tuple[Denoiser, Autoencoder]:
    """The generator that was asked for and the autoencoder that belongs to it."""
    from ..errors import InputError

    if options.model == BUNDLED:
        for name in ("model_config", "dtype", "variant", "prediction"):
            if getattr(options, name):
                raise InputError(f"--{name.replace('_', '-')} was given without --model.")
        if options.online and not services_in(options.judge):
            raise InputError("--online was given without --model, or a service as --judge.")
        from ..engines.bundled import BundledDenoiser, load_autoencoder

        return BundledDenoiser(device), load_autoencoder(device)
    from ..engines.diffusers import load

    _hush()
    return load(
        options.model,
        device,
        options.dtype or "fp32",
        online=options.online,
        config=options.model_config,
        variant=options.variant,
        prediction=options.prediction,
    )


def _hush() -> None:
    """The libraries' own bars and warnings would bury the one sentence that matters."""
    from ..engines.diffusers_reading import library

    diffusers = library()
    import transformers

    for logging in (diffusers.logging, transformers.logging):
        logging.set_verbosity_error()
        logging.disable_progress_bar()
