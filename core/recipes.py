"""Named settings of the protection: our strengths, the published methods' terms, and baselines to compare with.

Every number here has its measurement in docs/DECISIONS.md.
"""

from __future__ import annotations

from dataclasses import replace

from .errors import InputError
from .optimise import Settings
from .protection.identity import Aim
from .protection.purification import PUBLISHED
from .protection.recipe import Recipe
from .protection.weights import Budget, Linear, Sigmoid

# Held by terms for everything that showed when nothing held it.
_KEPT = {"perceptual": 20.0, "structure": 200.0, "chroma": 50.0, "shading": 500.0}


def _in_latents(name: str, push: float) -> Recipe:
    """An offset in an autoencoder's latent space. Faces won early never feel the push; others are pushed harder."""
    return Recipe(
        name,
        latent=0.02,
        aim=Aim(margin=3.0),
        visibility=_KEPT,
        weighting=Linear(1.0, push),
        settings=Settings(100),
    )


STRENGTHS: dict[str, Recipe] = {
    "light": _in_latents("light", 1),
    "balanced": _in_latents("balanced", 4),
    # Geometry and texture: two to three times as visible, and what transfers to everything we have measured.
    "strong": Recipe("strong", warp=0.06, luma=11, aim=Aim(margin=4.5), settings=Settings(160)),
}

OTHERS: dict[str, Recipe] = {
    # Method 1's identity terms and optimiser on the clean latent: without its denoising and attention, for which a
    # denoiser is needed (`protect_through_denoising`).
    "published-1": replace(PUBLISHED.protection, visibility={}),
    # Method 2's objective and schedule, on the clean latent instead of inside a sampler.
    "published-2": Recipe(
        "published-2",
        latent=0.02,
        aim=Aim(form="cosine"),
        views=("plain",),
        landmark_jitter=0.0,
        weighting=Sigmoid(),
        visibility={"perceptual": 0.5},
        perceptual="vgg19",
        settings=Settings(50, betas=(0.9, 0.999), patience=0),
    ),
    "pixel-noise": Recipe(
        "pixel-noise",
        colour=8,
        aim=Aim(form="cosine"),
        views=("plain",),
        landmark_jitter=0.0,
        settings=Settings(40, method="sign", betas=(0.0, 0.0), patience=0),
    ),
}

RECIPES: dict[str, Recipe] = {**STRENGTHS, **OTHERS}
DEFAULT = "balanced"


def choose(name: str | None = None, budget: float | None = None) -> Recipe:
    """A recipe by name, our default when none is named; with `budget`, LPIPS-vgg on the face is held at that value."""
    name = name or DEFAULT
    if name not in RECIPES:
        raise InputError(f"There is no recipe '{name}'. Known: {', '.join(RECIPES)}.")
    chosen = RECIPES[name]
    if budget is None:
        return chosen
    if not 0.01 <= budget <= 1:
        raise InputError(
            f"A budget of {budget} makes no sense: it is LPIPS-vgg on the face, from 0.05 (light) to 0.3 (heavy)."
        )
    # Counted in budgets, visibility is about 1 at the end whatever the budget, which suits the controller's pace.
    return replace(chosen, weighting=Budget(budget), visibility={**chosen.visibility, "perceptual": 1 / budget})
