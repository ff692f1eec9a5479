"""Protection inside a sampler: after each of the last steps, a few iterations of the one optimiser on the latent.

The clean and the protected branch share everything up to the first guarded step; from there they run as one
batch of two, so that the change can be compared with the picture it is a change of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil

import torch
from torch import Tensor

from ..faces.face import points_of
from ..faces.find import find_faces
from ..images import in_range
from ..optimise import Settings, Step, Terms, optimise
from ..recognisers.ensemble import Ensemble
from ..recognisers.recogniser import Recogniser
from ..search.identity import Aim, Identity
from ..search.objective import VISIBILITY, Distance, Objective
from ..search.search import references_of
from ..search.viewing import PLAIN, VARIED, Viewing
from ..search.weighting import Constant, Sigmoid, Weighting
from ..trajectory.solvers import Moment


@dataclass(frozen=True)
class GuardRecipe:
    """When the guard works and how hard. Our defaults; `PUBLISHED_GUARD` has Flux-Guard's."""

    start: float = 0.2
    """Guarding begins when this share of the steps is left. Steps are counted and not noise, of which a schedule for
    large pictures has half left when a fifth of its steps is, and another hardly any."""
    aim: Aim = field(default_factory=Aim)
    viewing: Viewing = VARIED
    rate: float = 0.02
    settings: Settings = field(default_factory=lambda: Settings(20, patience=4))
    weighting: Weighting = field(default_factory=Constant)
    visibility: dict[str, float] = field(
        default_factory=lambda: {"perceptual": 20.0, "structure": 200.0, "chroma": 50.0, "peak": 50.0}
    )
    predicted: bool = True
    """Decode the clean latent that the step predicts; off decodes the noisy one as it is, as published."""

    def first(self, steps: int) -> int:
        """After how many of so many steps the guard works for the first time; it always does after the last."""
        return max(1, ceil((1 - self.start) * steps - 1e-6))


PUBLISHED_GUARD = GuardRecipe(
    aim=Aim(form="cosine"),
    viewing=PLAIN,
    settings=Settings(10, betas=(0.9, 0.999), patience=0),
    weighting=Sigmoid(),
    visibility={"perceptual": 0.5},
    predicted=False,
)
"""Of Flux-Guard (Wang et al., arXiv 2606.17606): w * L_id + .5 * L_perc, with L_id one less the mean cosine, L_perc the
VGG-19 term and w its adaptive weight; ten iterations of Adam after each of the last steps."""


class _Offset:
    """What is added to one latent."""

    def __init__(self, latent: Tensor, rate: float) -> None:
        self.value, self.rate = torch.zeros_like(latent, requires_grad=True), rate

    def groups(self) -> Iterator[tuple[Tensor, float]]:
        yield self.value, self.rate


class Guard:
    """An `on_step` for any run of the solvers: hands back the latent with its protected copy as second row."""

    def __init__(
        self,
        picture: Callable[[Tensor], Tensor],
        surrogates: Sequence[Recogniser],
        recipe: GuardRecipe | None = None,
        original: Tensor | None = None,
        distances: dict[str, Distance] | None = None,
        seed: int = 0,
        on_iteration: Callable[[Step], None] = lambda step: None,
        points: Tensor | None = None,
        gallery: Sequence[Tensor] = (),
    ) -> None:
        """`picture` makes what people would see of a clean latent.

        `original` (1, 3, h, w), framed like the picture, is whose faces must not be matched; without it,
        those of the unguarded branch (a face that is only now being generated). `points` (B, 5, 2) are its faces'
        where somebody has chosen them. Faces of `gallery`, photos of the same people, must not be matched either.
        """
        self.picture, self.surrogates = picture, list(surrogates)
        self.recipe = recipe or GuardRecipe()
        self.original, self.points, self.gallery = original, points, gallery
        self.distances = {**VISIBILITY, **(distances or {})}
        self.on_iteration = on_iteration
        self.generator = torch.Generator().manual_seed(seed)
        self.identity: Identity | None = None
        self.won = False
        """Whether the last guarded step ended because nothing was left to win; without patience it never does."""
        self.iterations = 0

    def works_after(self, moment: Moment) -> bool:
        """Whether this step is guarded."""
        return moment.step + 1 >= self.recipe.first(moment.of)

    def __call__(self, moment: Moment) -> Tensor | None:
        if not self.works_after(moment):
            return None
        with torch.inference_mode(False):
            return torch.cat([moment.latent[:1].clone(), self.protected(moment)])

    def protected(self, moment: Moment) -> Tensor:
        """The latent's protected copy (1, C, h, w), whichever step this is."""
        with torch.inference_mode(False), torch.enable_grad():
            return self._guarded(moment.latent.clone(), moment.velocity.clone(), moment.sigma)

    def ends(self, latent: Tensor, velocity: Tensor, sigma: float) -> Tensor:
        """What is decoded of a latent on the way."""
        return latent - sigma * velocity if self.recipe.predicted else latent

    def _guarded(self, latent: Tensor, velocity: Tensor, sigma: float) -> Tensor:
        # What is left to do along the path; the noisy latent is decoded as it is when the recipe says so.
        remaining = latent - self.ends(latent, velocity, sigma)
        with torch.no_grad():
            clean = self.picture(latent[:1] - remaining[:1]).clamp(0, 1)
        identity = self._identity(clean)
        faces = torch.arange(len(identity.points))
        inner = Objective(
            clean.expand(len(faces), -1, -1, -1),
            identity,
            self.recipe.weighting.fresh(),
            self.recipe.visibility,
            self.distances,
        )
        offset = _Offset(latent[-1:], self.recipe.rate)

        def render(rows: Tensor) -> Tensor:
            return in_range(self.picture(latent[-1:] + offset.value - remaining[-1:]))

        def objective(image: Tensor, rows: Tensor, progress: float) -> Terms:
            each = inner(image.expand(len(faces), -1, -1, -1), faces, progress)
            values = {name: value.mean(0, keepdim=True) for name, value in each.values.items()}
            return Terms(values, each.total.sum(0, keepdim=True), each.won.all(0, keepdim=True))

        ran = optimise(offset, render, objective, self.recipe.settings, self.on_iteration)
        self.iterations += ran.iterations
        self.won = bool(ran.done.all())
        return (latent[-1:] + offset.value).detach()

    def _identity(self, clean: Tensor) -> Identity:
        """Faces are looked at once: those of the original, or those that the first guarded step sees."""
        if self.identity is None:
            ensemble, recipe = Ensemble(self.surrogates), self.recipe
            base = clean if self.original is None else self.original
            points = self.points
            if points is None:
                points = points_of(find_faces(base), base)
            references = references_of(ensemble, base, points, self.gallery)
            self.identity = Identity(
                ensemble,
                points,
                references,
                None,
                recipe.aim,
                recipe.viewing,
                self.generator,
            )
        return self.identity
