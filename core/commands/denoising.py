"""Options of `faceveil protect` for going through a generator's denoising, and for makeup by words."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from .models import BUNDLED, add_model, load_model
from .parser import positive

if TYPE_CHECKING:
    from ..engines.autoencoder import Autoencoder
    from ..engines.denoiser import Denoiser
    from ..search.objective import Distance
    from ..search.recipe import Recipe

METHODS = ("direct", "purification")


class Engines(TypedDict, total=False):
    """What of a Protector generates."""

    denoiser: Denoiser
    autoencoder: Autoencoder | None
    finish: Autoencoder | None


def add_denoising(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("through a generator's denoising, and makeup")
    say = group.add_argument
    say(
        "--method",
        choices=METHODS,
        help="direct: change the picture or its latent (default); purification: a latent some denoising steps before "
        "the picture, so that what is won is not denoised away",
    )
    say("--steps", type=positive, metavar="N", help="purification: steps of the whole schedule (default: 20)")
    say("--last", type=positive, metavar="K", help="purification: steps to go through (default: 3)")
    say("--low-memory", action="store_true", help="purification: compute twice what would have to be kept")
    add_model(group)
    say("--makeup", metavar="WORDS", help='ask for makeup as well: "red lipstick"; needs --clip')
    say("--clip", type=Path, metavar="FOLDER", help="a CLIP model in transformers' layout, which judges makeup")


def pick_recipe(options: argparse.Namespace) -> Recipe:
    """The recipe that --recipe or --strength names, through the denoising and with the makeup that is asked for."""
    from ..errors import InputError
    from ..methods.recipes import choose, through_denoising, with_makeup

    if options.strength and options.recipe:
        raise InputError("Name a --strength or a --recipe, not both.")
    recipe = choose(options.recipe or options.strength, options.budget)
    if options.method == "purification":
        recipe = through_denoising(recipe)
    elif options.method == "direct" and recipe.denoising:
        raise InputError(f"'{recipe.name}' goes through a denoising: leave out --method direct.")
    given_steps = {name: getattr(options, name) for name in ("steps", "last") if getattr(options, name) is not None}
    if recipe.denoising:
        if given_steps and options.recipe:
            raise InputError(
                f"'{recipe.name}' has its own number of steps. Use --steps and --last with a --strength instead."
            )
        denoising = replace(recipe.denoising, **given_steps, checkpointed=options.low_memory)
        recipe = replace(recipe, denoising=denoising)
    else:
        given = [
            *given_steps,
            *(["low_memory"] if options.low_memory else []),
            *(["model"] if other_model(options) else []),
        ]
        if given:
            raise InputError(f"--{given[0].replace('_', '-')} was given without --method purification.")
    if bool(options.makeup) != bool(options.clip):
        raise InputError('Makeup needs both words and a model that judges it: --makeup "red lipstick" --clip FOLDER.')
    return with_makeup(recipe) if options.makeup else recipe


def other_model(options: argparse.Namespace) -> bool:
    return options.model != BUNDLED


def pick_engines(options: argparse.Namespace, recipe: Recipe, device: str) -> Engines:
    """A Protector's engines: the generator, where the recipe goes through one, and the autoencoder. A tiny one that is
    named beside a generator only searches; the generator's own makes the finished picture."""
    from ..engines.tiny import load_tiny
    from ..errors import InputError

    if options.autoencoder and recipe.denoising and not other_model(options):
        raise InputError("The bundled generator works with its own autoencoder only: leave out --autoencoder.")
    tiny = load_tiny(options.autoencoder).to(device) if options.autoencoder else None
    if recipe.denoising is None:
        return {"autoencoder": tiny}
    denoiser, own = load_model(options, device)
    return {"denoiser": denoiser, "autoencoder": tiny or own, "finish": own if tiny else None}


def makeup_terms(options: argparse.Namespace, device: str) -> dict[str, Distance]:
    """What measures the makeup that was asked for."""
    if not options.makeup:
        return {}
    from ..methods.recipes import MAKEUP
    from ..perception.clip import Clip, Direction

    return {MAKEUP: Direction(Clip.load(options.clip, device), f"a face with {options.makeup}", "a face")}
