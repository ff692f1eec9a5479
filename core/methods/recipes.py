"""Named settings of the protection: our strengths, the published methods, and baselines to compare with.

Every number here has its measurement in docs/DECISIONS.md.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from ..errors import InputError
from ..optimise import Settings
from ..search.identity import Aim
from ..search.recipe import ATTENTION, Denoising, Recipe
from ..search.viewing import PLAIN, VARIED
from ..search.weighting import Constant, Linear, Sigmoid
from ..trajectory.embeddings import Learning

MOST_PAINT = 0.6
"""The paint beyond which people called a picture damaged: of what is found, so much is worn as shows no more. Whoever
asks for `strong` has said that it may show, a quarter more; `light` shows a little less."""


def _strength(
    name: str, warp: float, growth: float, luma: float, contrast: float, iterations: int, budget: float = MOST_PAINT
) -> Recipe:
    """A warp that keeps expression and proportions, stronger and weaker features, and light that goes unnoticed.

    Every part is bounded at each place by what may be seen there, so no search can draw a feature anew.
    """
    bands = ((0.03, 36, contrast), (0.07, 24, contrast / 3))
    return Recipe(
        name,
        warp=warp,
        growth=growth,
        contrast=bands,
        luma=luma,
        aim=Aim(margin=5),
        viewing=replace(VARIED, spans=(0.8, 1.05), covered=0.3),
        settings=Settings(iterations, patience=8),
        budget=budget,
    )


STRENGTHS: dict[str, Recipe] = {
    "light": _strength("light", warp=0.12, growth=2.0, luma=3.2, contrast=0.33, iterations=100, budget=0.55),
    "balanced": _strength("balanced", warp=0.14, growth=2.5, luma=3.8, contrast=0.38, iterations=120),
    "strong": _strength("strong", warp=0.16, growth=3.0, luma=4.0, contrast=0.45, iterations=140, budget=0.75),
}

# Terms that hold a latent, which no bound holds.
_KEPT = {"perceptual": 20.0, "structure": 200.0, "chroma": 50.0, "shading": 500.0, "peak": 100.0}


def _of_latent(strength: str, margin: float, push: float, warp: float, iterations: int = 60) -> Recipe:
    """The strength for what only a latent can do: going through a denoising, and putting on makeup.

    Faces won early never feel the push; others are pushed harder towards the end.
    """
    return Recipe(
        strength,
        latent=0.05,
        smooth=0.3,
        warp=warp,
        aim=Aim(margin=margin),
        visibility=_KEPT,
        weighting=Linear(1.0, push),
        settings=Settings(iterations, patience=8),
    )


_LATENTS: dict[str, Recipe] = {
    "light": _of_latent("light", margin=1.5, push=2, warp=0.05),
    "balanced": _of_latent("balanced", margin=3, push=2, warp=0.06),
    "strong": _of_latent("strong", margin=4, push=3, warp=0.09, iterations=80),
}

OTHERS: dict[str, Recipe] = {
    # Weakened purification with the published numbers.
    "published-1": Recipe(
        "published-1",
        latent=0.01,
        denoising=Denoising(attention="full"),
        aim=Aim(form="cosine"),
        viewing=PLAIN,
        weighting=Constant(0.003),
        visibility={ATTENTION: 1.0},
        settings=Settings(30, method="adamw", betas=(0.9, 0.999), patience=0),
    ),
    # Flux-Guard's objective and schedule, on the clean latent instead of inside a sampler.
    "published-2": Recipe(
        "published-2",
        latent=0.02,
        aim=Aim(form="cosine"),
        viewing=PLAIN,
        weighting=Sigmoid(),
        visibility={"perceptual": 0.5},
        perceptual="vgg19",
        settings=Settings(50, betas=(0.9, 0.999), patience=0),
    ),
    "pixel-noise": Recipe(
        "pixel-noise",
        colour=8,
        aim=Aim(form="cosine"),
        viewing=PLAIN,
        settings=Settings(40, method="sign", betas=(0.0, 0.0), patience=0),
    ),
    # The same with momentum, and with the input varied as transfer attacks do.
    "momentum-noise": Recipe(
        "momentum-noise",
        colour=8,
        aim=Aim(form="cosine"),
        settings=Settings(40, method="sign", betas=(1.0, 0.0), patience=0),
    ),
}

RECIPES: dict[str, Recipe] = {**STRENGTHS, **OTHERS}
DEFAULT = "balanced"

OUR_DENOISING = Denoising(learning=Learning(rate=0.03, tolerance=1e-5, best=True))
MAKEUP = "makeup"
"""The term of a recipe's `visibility` that asks for what a text says."""


def choose(name: str | None = None, budget: float | None = None) -> Recipe:
    """A recipe by name, our default when none is named; with `budget`, instead of what the recipe allows no more paint
    than that may show on a face."""
    name = name or DEFAULT
    if name not in RECIPES:
        raise InputError(f"There is no recipe '{name}'. Known: {', '.join(RECIPES)}.")
    if budget is not None and not 0.05 <= budget <= 2:
        raise InputError(
            f"A budget of {budget} makes no sense: it is the most paint that may show, from 0.3 (hardly seen) over 0.6 "
            "(which the default keeps to) to 1 (seen at once)."
        )
    return RECIPES[name] if budget is None else replace(RECIPES[name], budget=budget)


def through_denoising(recipe: Recipe) -> Recipe:
    """The same search, of a latent some denoising steps before the picture: what it finds is not purified away."""
    if recipe.denoising:
        return recipe
    if recipe.name not in _LATENTS:
        able = [*_LATENTS, *(name for name, known in OTHERS.items() if known.denoising)]
        raise InputError(
            f"'{recipe.name}' cannot go through a denoising: it moves no latent, or is a method of its own. "
            f"Choose one of: {', '.join(able)}."
        )
    recipe = _in_latent(recipe)
    visibility = {**recipe.visibility, ATTENTION: 1.0}
    return replace(recipe, name=f"{recipe.name}+purification", denoising=OUR_DENOISING, visibility=visibility)


def _in_latent(recipe: Recipe) -> Recipe:
    """A strength as it is searched for in a latent space; other recipes as they are."""
    kept = _LATENTS.get(recipe.name)
    return recipe if kept is None else replace(kept, budget=recipe.budget)


def with_makeup(recipe: Recipe) -> Recipe:
    """The same, asking for makeup as strongly as for protection; where colour may change, and winning does not stop."""
    recipe = _in_latent(recipe)
    if not recipe.needs_autoencoder:
        able = [*_LATENTS, *(name for name, known in OTHERS.items() if known.needs_autoencoder)]
        raise InputError(
            f"'{recipe.name}' moves no latent, so it cannot put on makeup. Choose one of: {', '.join(able)}."
        )
    weight = float(recipe.weighting.fresh().weight(0.0, torch.zeros(1)))
    return replace(
        recipe,
        name=f"{recipe.name}+makeup",
        visibility={**recipe.visibility, "chroma": 0.0, MAKEUP: weight},
        settings=replace(recipe.settings, patience=0),
    )
