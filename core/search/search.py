"""Protect the faces of one picture: windows, variables, objective, the loop, and back into the photo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ..engines.autoencoder import Autoencoder
from ..engines.bundled import load_autoencoder
from ..faces.face import Face, points_of
from ..faces.find import find_faces
from ..images import in_range
from ..optimise import Outcome, Step, optimise
from ..perception.masking import hiding
from ..recognisers.ensemble import Ensemble
from ..recognisers.recogniser import Recogniser
from ..sharing.upload import UPLOADS
from ..veil.change import Bundle, Change, ColourField
from ..veil.latent import LatentOffset
from ..veil.light import Light
from ..veil.veil import Origin, Veil, veil_of
from ..veil.wear import in_windows
from ..version import version
from .identity import Identity
from .objective import VISIBILITY, Distance, Objective
from .recipe import Recipe
from .spending import PHASES, hold_back, split_iterations, within
from .task import Task, prepared

ROUNDS = 2
"""How often the search goes on when the picture pasted back does not hold what the working copy promised."""


@dataclass
class Found:
    """What a search came to."""

    image: Tensor
    """The protected picture (1, 3, H, W)."""
    mask: Tensor
    """Where pixels may differ (1, 1, H, W)."""
    outcome: Outcome
    amount: float = 1.0
    """The share of the change that was found which a budget leaves."""


@dataclass
class Protected(Found):
    """The same and what it took."""

    evaluations: dict[str, int] = field(default_factory=dict)
    veil: Veil | None = None
    """What changed it, for any other photo; None where that belongs to this one: pixels, a latent."""


def make_variable(recipe: Recipe, task: Task, latent: Change | None, start: Veil | None = None) -> Bundle:
    """The recipe's bundle: a latent's offset, made by whoever knows the way from it to the picture, and the rest;
    beginning with a veil where there is one."""
    shape = recipe.shape
    parts: list[Change] = [] if latent is None else [latent]
    if recipe.colour:
        parts.append(ColourField(len(task.faces), recipe.colour / 255, recipe.size, task.image.device))
    if shape.changes:
        parts += shape.fields(task.points, shape.forgiving(task.image, task.windows, task.points))
    variable = Bundle(parts)
    if start is not None:
        start.begin(variable)
    return variable


def let_through(recipe: Recipe, task: Task) -> Tensor | None:
    """Share of a latent's change that reaches each place of the windows (B, 1, h, w); None is all of it."""
    return hiding(task.clean, recipe.smooth, 1.0) if recipe.smooth < 1 else None


def references_of(
    recognisers: Ensemble[Recogniser], image: Tensor, points: Tensor, gallery: Sequence[Tensor]
) -> dict[str, Tensor]:
    """What must no longer be matched, by recogniser (B, R, dim): the faces with points (B, 5, 2) in the image
    themselves, and faces of the gallery photos.

    A gallery photo may show several people; each face of ours takes the gallery face most like it.
    """
    with torch.no_grad():
        own = recognisers.embed(image, points)
        references = {name: [embedding] for name, embedding in own.items()}
        for photo in gallery:
            others = recognisers.embed(photo, points_of(find_faces(photo), photo))
            for name, embeddings in others.items():
                nearest = (own[name] @ embeddings.T).argmax(1)
                references[name].append(embeddings[nearest])
    return {name: torch.stack(rows, 1) for name, rows in references.items()}


def decoys_of(recognisers: Ensemble[Recogniser], photos: Sequence[Tensor]) -> dict[str, Tensor] | None:
    """Embeddings (D, dim) of the decoys' largest faces, by recogniser."""
    if not photos:
        return None
    with torch.no_grad():
        each = [recognisers.embed(p, find_faces(p, which="largest")[0].points[None].to(p.device)) for p in photos]
    return {name: torch.cat([embedded[name] for embedded in each]) for name in each[0]}


def protect(
    image: Tensor,
    faces: Sequence[Face],
    surrogates: Sequence[Recogniser],
    recipe: Recipe,
    gallery: Sequence[Tensor] = (),
    decoys: Sequence[Tensor] = (),
    allowed: Tensor | None = None,
    autoencoder: Autoencoder | None = None,
    finish: Autoencoder | None = None,
    distances: dict[str, Distance] | None = None,
    seed: int = 0,
    on_step: Callable[[Step, Objective], None] = lambda step, objective: None,
    start: Veil | None = None,
) -> Protected:
    """Change `faces` of `image` (1, 3, H, W) until `surrogates` no longer match them; the rest stays bit-identical.

    `finish` decodes the finished picture, where `autoencoder` is only a quick one of the same latent space. `start`
    is the veil that the search begins with.
    """
    task = prepared(image, faces, surrogates, recipe, allowed)
    ensemble = Ensemble(surrogates)
    latent = None
    if recipe.latent:
        autoencoder = autoencoder or load_autoencoder(task.image.device)
        latent = LatentOffset(autoencoder, task.clean, recipe.latent, let_through(recipe, task), finish)
    variable = make_variable(recipe, task, latent, start)
    found = search(task, variable, ensemble, recipe, gallery, decoys, distances, seed, on_step)
    decodes = latent.difference.decodes if latent else 0
    evaluations = {"denoiser": 0, "decoder": decodes, "recogniser": ensemble.evaluations}
    veil = veil_of(variable, recipe.shape, origin_of(recipe, surrogates))
    return Protected(**vars(found), evaluations=evaluations, veil=veil and veil.scaled(found.amount))


def origin_of(recipe: Recipe, surrogates: Sequence[Recogniser], photos: int = 1) -> Origin:
    """What a veil says of where it comes from."""
    far = recipe.aim.far
    return Origin(recipe.name, {each.name: each.threshold(far) for each in surrogates}, far, photos, version())


def search(
    task: Task,
    variable: Bundle,
    ensemble: Ensemble[Recogniser],
    recipe: Recipe,
    gallery: Sequence[Tensor],
    decoys: Sequence[Tensor],
    distances: dict[str, Distance] | None,
    seed: int,
    on_step: Callable[[Step, Objective], None],
) -> Found:
    """Move any variable until the faces are not matched, and no more of it shows than may."""
    identity = Identity(
        ensemble,
        in_windows(task.shown.unbind(), task.windows, recipe.size),
        references_of(ensemble, task.image, task.shown, gallery),
        decoys_of(ensemble, decoys),
        recipe.aim,
        recipe.viewing,
        torch.Generator().manual_seed(seed),
    )
    objective = Objective(
        task.clean, identity, recipe.weighting.fresh(), recipe.visibility, {**VISIBILITY, **(distances or {})}
    )

    def render(rows: Tensor) -> Tensor:
        return in_range(variable.apply(task.clean[rows], task.masks[rows], rows))

    lights = [part for part in variable.parts if isinstance(part, Light)] if recipe.budget is not None else []
    counts = split_iterations(recipe.settings.iterations, PHASES if lights else (1.0,))

    def run(phase: int) -> Outcome:
        """A phase, whose steps are counted as part of the whole."""
        before, settings = sum(counts[:phase]), replace(recipe.settings, iterations=counts[phase])

        def count_on(step: Step) -> None:
            on_step(replace(step, index=before + step.index, of=sum(counts)), objective)

        return optimise(variable, render, objective, settings, count_on)

    outcome = Outcome()
    for extra in range(ROUNDS):
        # What the search had won was not enough for the finished picture: it goes on, asking for more.
        identity.aim = replace(recipe.aim, margin=recipe.aim.margin + extra)
        for phase in range(len(counts)):
            ran = run(phase)
            outcome = outcome + ran
            if lights and recipe.budget is not None:
                hold_back(task.image, task.paste_all(variable)[0], task.faces, lights, recipe.budget)
        result, mask = task.paste_all(variable)
        if holds(result, task, identity, ran.done.nonzero()[:, 0]):
            break
    for light in lights:
        light.settle()
    if recipe.budget is None:
        return Found(result, mask, outcome)
    amount, result, mask = within(
        task.image, task.faces, (result, mask), lambda share: task.paste_all(variable, share), recipe.budget
    )
    return Found(result, mask, outcome, amount)


def holds(result: Tensor, task: Task, identity: Identity, rows: Tensor) -> bool:
    """Whether the finished picture, at full resolution and really re-encoded, still keeps what these faces had won."""
    if not len(rows):
        return True
    points = task.shown[rows]
    with torch.no_grad():
        copies = (result, UPLOADS["jpeg75"](result))
        return all(bool(identity.unmatched(identity.ensemble.embed(copy, points), rows).all()) for copy in copies)
