"""A film protected: watched once, a veil for each person and shot, and every frame dressed the second time through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ..errors import InputError, NoFaceError
from ..faces.crops import Window, window_around
from ..faces.face import Face
from ..faces.find import found_again
from ..images import as_saved
from ..optimise import Step
from ..protection.learn import Sitter, learn
from ..protection.objective import Objective
from ..protection.recipe import Recipe
from ..recognisers.ensemble import Ensemble
from ..recognisers.recogniser import Recogniser
from ..veil.forgiving import Forgiving
from ..veil.veil import Veil
from .frames import Frame
from .track import Course, looked
from .turning import Again, Look
from .watch import Person, watch

ASKED = 5
"""Frames after which what a face forgives is looked for anew: half of the work of a frame, and in the window, which
follows the face, much the same from one frame to the next. Less often also means less of the film's noise in it."""


@dataclass
class Worn:
    """A veil and where in the film it is worn."""

    course: Course
    veil: Veil
    keys: list[Sitter]
    _bounds: Forgiving | None = None
    _of: int = -1

    def bounds(self, index: int, picture: Tensor, face: Face) -> Forgiving | None:
        """What the face forgives in frame number `index`, or forgave a moment ago."""
        if self._of < 0 or not 0 <= index - self._of < ASKED:
            self._bounds, self._of = self.veil.bounds(picture, [face]), index
        return self._bounds


@dataclass
class Wardrobe:
    """Who gets which veil: the one that was given, one that was found before and hides this face too, or a new one."""

    recipe: Recipe
    surrogates: Sequence[Recogniser]
    given: Veil | None = None
    refine: int = 0
    """Iterations of a search that begins with the given veil."""
    seed: int = 0
    on_step: Callable[[Step, Objective], None] = lambda step, objective: None
    found: list[Veil] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.given is not None and len(self.given) != 1:
            raise InputError(f"This veil is for {len(self.given)} faces: a film takes a veil of one face.")

    def veil_for(self, keys: Sequence[Sitter]) -> Veil:
        """A veil that hides one face on these pictures."""
        if self.given is not None and not self.refine:
            return self.given
        known = next((veil for veil in self.found if self.hides(veil, keys)), None)
        if known is not None:
            return known
        recipe = self.recipe
        if self.refine:
            recipe = replace(recipe, settings=replace(recipe.settings, iterations=self.refine))
        self.found.append(learn(keys, self.surrogates, recipe, self.seed, self.on_step, self.given).veil)
        return self.found[-1]

    @torch.no_grad()
    def hides(self, veil: Veil, keys: Sequence[Sitter]) -> bool:
        """Whether nobody who is protected against matches any of these pictures under the veil with the picture."""
        ensemble = Ensemble(self.surrogates)
        for picture, face in keys:
            points = face.points[None].to(picture)
            before = ensemble.embed(picture, points)
            after = ensemble.embed(as_saved(veil.apply(picture, [face])), points)
            for each in self.surrogates:
                if float(before[each.name][0] @ after[each.name][0]) >= each.threshold(self.recipe.aim.far):
                    return False
        return True


def find_veils(
    frames: Iterable[tuple[float, Frame]],
    wardrobe: Wardrobe,
    which: str | int = "all",
    looks: tuple[Look, Again] = (looked, found_again),
    on_frame: Callable[[int], None] = lambda done: None,
) -> list[Worn]:
    """The first time through a film: what is worn where. Faces are counted in each shot, the largest first."""
    worn, count = [], 0

    def counted(done: int) -> None:
        nonlocal count
        count = done
        on_frame(done)

    with torch.inference_mode(False):
        for people in watch(frames, looks, counted):
            for person in _meant(people, which):
                worn.append(Worn(person.course, wardrobe.veil_for(person.keys), person.keys))
    if not count:
        raise InputError("This film has no frame that could be read.")
    if not worn:
        frames_said = "the only frame" if count == 1 else f"any of the {count} frames"
        raise NoFaceError(f"No face was found in {frames_said}: nothing is to be protected, and nothing was written.")
    return worn


def veils_of(worn: Sequence[Worn]) -> list[Veil]:
    """The veils of a film, each once."""
    return list({id(each.veil): each.veil for each in worn}.values())


def _meant(people: list[Person], which: str | int) -> list[Person]:
    if which == "all" or not people:
        return people
    if which == "largest":
        return people[:1]
    return [people[int(which)]] if int(which) < len(people) else []


@torch.inference_mode()
def dress(index: int, frame: Frame, worn: Sequence[Worn], amount: float = 1.0) -> int:
    """Puts on frame number `index`, in place, what is worn there; how many faces that is."""
    dressed = 0
    for each in worn:
        face = each.course.at(index)
        if face is None:
            continue
        window = window_around(face, each.veil.shape.margin)
        if window.width < 8 or not _touches(window, frame):
            continue
        picture = frame.cut(window)
        there = window.moved(face)
        veiled, mask = each.veil.worn(picture, [there], amount, bounds=each.bounds(index, picture, there))
        frame.put(window, torch.where(mask > 0, veiled - picture, torch.zeros_like(picture)))
        dressed += 1
    return dressed


def _touches(window: Window, frame: Frame) -> bool:
    inner = window.inside(frame.height, frame.width)
    return inner.width > 0 and inner.height > 0
