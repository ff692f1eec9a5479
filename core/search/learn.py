"""One veil for several photos of one face: knots that all of them share, moved until none of them is matched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError
from ..faces.crops import region_of
from ..faces.face import Sitter
from ..images import in_range
from ..optimise import Outcome, Step, Terms, optimise
from ..recognisers.ensemble import Ensemble
from ..recognisers.recogniser import Recogniser
from ..veil.change import Bundle
from ..veil.forgiving import joined
from ..veil.veil import Veil, veil_of
from ..veil.wear import in_windows
from .identity import Identity
from .objective import VISIBILITY, Distance, Objective
from .recipe import Recipe
from .search import origin_of
from .task import Task, prepared


@dataclass(frozen=True)
class Learned:
    """A veil and how it was found."""

    veil: Veil
    outcome: Outcome
    evaluations: dict[str, int]


def learn(
    sitters: Sequence[Sitter],
    surrogates: Sequence[Recogniser],
    recipe: Recipe,
    seed: int = 0,
    on_step: Callable[[Step, Objective], None] = lambda step, objective: None,
    start: Veil | None = None,
    distances: dict[str, Distance] | None = None,
) -> Learned:
    """The veil that hides one person on all of these pictures, each from each other and from itself."""
    if not sitters:
        raise InputError("There is no photo to learn a veil from: name one or more of one person.")
    no_veil = InputError(
        f"'{recipe.name}' changes pixels or a latent of one photo, which is no veil: choose light, balanced or strong."
    )
    if not recipe.makes_veil:
        raise no_veil
    tasks, ensemble = [_task(sitter, surrogates, recipe) for sitter in sitters], Ensemble(surrogates)
    clean, masks, points = (torch.cat([getattr(task, name) for task in tasks]) for name in ("clean", "masks", "points"))
    bounds = joined([recipe.shape.forgiving(task.image, task.windows, task.points) for task in tasks])
    variable = Bundle(recipe.shape.fields(points, bounds, shared=True))
    if start is not None:
        start.begin(variable)
    identity = Identity(
        ensemble,
        torch.cat([in_windows(task.shown.unbind(), task.windows, recipe.size) for task in tasks]),
        _of_each_other(ensemble, tasks),
        None,
        recipe.aim,
        recipe.viewing,
        torch.Generator().manual_seed(seed),
    )
    objective = Objective(
        clean, identity, recipe.weighting.fresh(), recipe.visibility, {**VISIBILITY, **(distances or {})}
    )
    everyone = torch.arange(len(tasks))

    def render(rows: Tensor) -> Tensor:
        """The one row there is, as all pictures wear it."""
        return in_range(variable.apply(clean, masks))

    def together(pictures: Tensor, rows: Tensor, progress: float) -> Terms:
        each = objective(pictures, everyone, progress)
        values = {name: value.mean(0, keepdim=True) for name, value in each.values.items()}
        score = None if each.score is None else each.score.mean(0, keepdim=True)
        return Terms(values, each.total.mean(0, keepdim=True), each.won.all()[None], score)

    outcome = optimise(variable, render, together, recipe.settings, lambda step: on_step(step, objective))
    veil = veil_of(variable, recipe.shape, origin_of(recipe, surrogates, len(tasks)))
    if veil is None:
        raise no_veil
    return Learned(veil, outcome, {"denoiser": 0, "decoder": 0, "recogniser": ensemble.evaluations})


def _task(sitter: Sitter, surrogates: Sequence[Recogniser], recipe: Recipe) -> Task:
    """Of a large picture only the part that its face needs is held."""
    image, face = sitter
    region = region_of([face], *image.shape[-2:])
    return prepared(region.cut(image), [region.moved(face)], surrogates, recipe, None)


def _of_each_other(ensemble: Ensemble[Recogniser], tasks: Sequence[Task]) -> dict[str, Tensor]:
    """Whom every picture must not match (N, N, dim), by recogniser: itself and all of the others."""
    with torch.no_grad():
        each = [ensemble.embed(task.image, task.shown) for task in tasks]
    known = {name: torch.cat([embedded[name] for embedded in each]) for name in each[0]}
    return {name: people.expand(len(tasks), -1, -1) for name, people in known.items()}
