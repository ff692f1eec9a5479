"""What is compared: every recipe by its name, and ablations of it as NAME:WITHOUT."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ..engines.autoencoder import Autoencoder
from ..engines.tiny import load_tiny
from ..errors import InputError
from ..methods.recipes import choose, through_denoising
from ..search.recipe import Recipe
from ..search.weighting import Constant
from ..veil.warp import FREE

DENOISED = "+purification"


@dataclass(frozen=True)
class Method:
    """A recipe, and what else a trial needs to know of it."""

    name: str
    recipe: Recipe
    surrogates: int | None = None
    """At most so many of the surrogates at hand; None is all."""
    tiny: str | None = None
    """A tiny autoencoder instead of the bundled one."""

    def autoencoder(self, device: str) -> Autoencoder | None:
        return load_tiny(self.tiny).to(device) if self.tiny else None


def _without(term: str) -> Callable[[Method], Method]:
    """A visibility term weighed with 0."""
    return lambda method: _with(method, visibility={**method.recipe.visibility, term: 0.0})


def _with(method: Method, **changed: Any) -> Method:
    return replace(method, recipe=replace(method.recipe, **changed))


def _unlearned(method: Method) -> Method:
    how = method.recipe.denoising
    if how is None:
        return method
    return _with(method, denoising=replace(how, learning=replace(how.learning, iterations=0)))


def _aim(method: Method, **changed: Any) -> Method:
    return _with(method, aim=replace(method.recipe.aim, **changed))


def _viewing(method: Method, **changed: Any) -> Method:
    return _with(method, viewing=replace(method.recipe.viewing, **changed))


ABLATIONS: dict[str, Callable[[Method], Method]] = {
    "no-views": lambda m: _viewing(m, views=("plain",)),
    "no-jitter": lambda m: _viewing(m, jitter=0.0),
    "no-alignment": lambda m: _with(m, aligned=False),
    "no-spans": lambda m: _viewing(m, spans=(1.0, 1.0)),
    # A margin that nothing reaches, and not the published cosine, whose scale would suit no other term's weight.
    "no-hinge": lambda m: _aim(m, margin=100.0),
    "no-margin": lambda m: _aim(m, margin=0.0),
    "no-residual": lambda m: _aim(m, residual=0.0),
    "no-push": lambda m: _with(m, weighting=Constant()),
    "no-stop": lambda m: _with(m, settings=replace(m.recipe.settings, patience=0)),
    "half-iterations": lambda m: _with(
        m, settings=replace(m.recipe.settings, iterations=m.recipe.settings.iterations // 2)
    ),
    **{f"no-{term}": _without(term) for term in ("perceptual", "structure", "chroma", "shading", "peak")},
    "no-warp": lambda m: _with(m, warp=0.0),
    "no-contrast": lambda m: _with(m, contrast=()),
    "no-luma": lambda m: _with(m, luma=0.0),
    "no-symmetry": lambda m: _with(m, warp_symmetry=0.0),
    "free-expression": lambda m: _with(m, expression_held=False),
    "free-growth": lambda m: _with(m, growth=FREE),
    "no-masking": lambda m: _with(m, smooth=1.0),
    "no-learning": _unlearned,
    "one-surrogate": lambda m: replace(m, surrogates=1),
}


def method(name: str) -> Method:
    """By "RECIPE", "RECIPE+purification", and either with ":ABLATION" or ":autoencoder=NAME_OR_FILE"."""
    base, _, change = name.partition(":")
    recipe = choose(base.removesuffix(DENOISED))
    if base.endswith(DENOISED):
        recipe = through_denoising(recipe)
    found = Method(name, replace(recipe, name=name))
    if not change:
        return found
    if not change.startswith("autoencoder=") and change not in ABLATIONS:
        raise InputError(f"There is no ablation '{change}'. Known: {', '.join(ABLATIONS)}, autoencoder=NAME_OR_FILE.")
    changed = _changed(found, change)
    if _at_work(changed) == _at_work(found):
        able = ", ".join(other for other in ABLATIONS if _at_work(_changed(found, other)) != _at_work(found))
        raise InputError(
            f"'{name}' would do the same as '{base}', which has nothing of that in it. What changes it: {able}."
        )
    return changed


def _changed(method: Method, change: str) -> Method:
    if change.startswith("autoencoder="):
        return replace(method, tiny=change.removeprefix("autoencoder="))
    return ABLATIONS[change](method)


def _at_work(method: Method) -> tuple[object, ...]:
    """What a trial would really use: how a part is set that the recipe does not have makes no difference."""
    recipe = method.recipe
    if not recipe.warp:
        recipe = replace(recipe, warp_symmetry=0.0, expression_held=False, growth=FREE)
    if recipe.aim.form == "cosine":
        recipe = replace(recipe, aim=replace(recipe.aim, margin=0.0))
    if not recipe.latent:
        recipe = replace(recipe, smooth=1.0)
    weighed = {term: weight for term, weight in recipe.visibility.items() if weight}
    return replace(recipe, visibility=weighed), method.surrogates, method.tiny if recipe.latent else None
