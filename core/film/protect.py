"""A film protected: watched once, a veil for each person and shot, and every frame dressed the second time through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch

from ..errors import InputError, NoFaceError
from ..faces.face import Face, Sitter
from ..faces.find import follow_face
from ..images import as_saved
from ..optimise import Step
from ..recognisers.ensemble import Ensemble
from ..recognisers.recogniser import Recogniser
from ..search.learn import learn
from ..search.objective import Objective
from ..search.recipe import Recipe
from ..veil.veil import Veil
from ..veil.whose import Whose
from .frames import Frame
from .kept import Kept
from .track import all_faces
from .turning import Follow, Look
from .watch import Person, key_of, watch
from .worn import Worn


@dataclass
class Wardrobe:
    """Who gets which veil: the one that was given, or is this person's, one that was found before and hides this face
    too, or a new one."""

    recipe: Recipe
    surrogates: Sequence[Recogniser]
    given: Veil | None = None
    refine: int = 0
    """Iterations of a search that begins with the given veil."""
    seed: int = 0
    whose: Whose | None = None
    """Veils of people by their photos; faces of nobody among them stay as they are."""
    on_step: Callable[[Step, Objective], None] = lambda step, objective: None
    found: list[Veil] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.given is not None and len(self.given) != 1:
            raise InputError(f"This veil is for {len(self.given)} faces: a film takes a veil of one face.")
        if self.whose is not None and not self.whose.by_likeness:
            raise InputError(
                "In a film faces have no order, so whose veil is whose is told by a photo of each: --veil FILE=PHOTO."
            )

    @property
    def searches(self) -> bool:
        return self.whose is None and (self.given is None or bool(self.refine))

    def veil_for(self, keys: Sequence[Sitter]) -> Veil | None:
        """The veil for one face, shown by these pictures; None for a face that is to stay as it is."""
        if self.whose is not None:
            return self.whose.veil_of(keys)
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
    looks: tuple[Look, Follow] = (all_faces, follow_face),
    on_frame: Callable[[int], None] = lambda done: None,
    kept: Kept | None = None,
) -> list[Worn]:
    """The first time through a film: what is worn where. Faces are counted in each shot, the largest first.

    Shots that were `kept` are not watched again.
    """
    worn, count, shown, seen = list(kept.worn) if kept else [], 0, False, bool(kept and kept.worn)
    if kept and wardrobe.searches:
        wardrobe.found += kept.veils

    def counted(done: int) -> None:
        nonlocal count
        count = done
        on_frame(done)

    with torch.inference_mode(False):
        for shot in watch(frames, looks, counted, kept.next_frame if kept else 0):
            here = []
            shown = shown or bool(shot.people)
            for person in _meant(shot.people, which):
                seen, veil = True, wardrobe.veil_for(person.keys)
                if veil is not None:
                    here.append(Worn(person.course, veil, person.key_faces, person.keys))
            worn += here
            if kept:
                kept.keep_shot(here, shot.following)
    if not count:
        raise InputError("This film has no frame that could be read.")
    if not worn and shown and not seen:
        raise InputError(f"No shot of this film shows a face number {which}, and 0 is the largest: choose another.")
    if not worn:
        which_frames = "the only frame" if count == 1 else f"any of the {count} frames"
        if seen:
            raise NoFaceError(f"Nobody in {which_frames} is like a photo that came with a veil: nothing was written.")
        raise NoFaceError(f"No face was found in {which_frames}: nothing is to be protected, and nothing was written.")
    if kept:
        kept.keep_end(count)
    return worn


def keys_again(frames: Iterator[tuple[float, Frame]], worn: Sequence[Worn]) -> None:
    """Cut again the pictures that faces are compared with, which an earlier run did not keep."""
    wanted: dict[int, list[tuple[Worn, Face]]] = {}
    for each in worn:
        for index, face in each.key_faces if not each.keys else []:
            wanted.setdefault(index, []).append((each, face))
    for index, (_, frame) in enumerate(frames if wanted else ()):
        for each, face in wanted.pop(index, ()):
            picture, there = key_of(frame, face)
            each.keys.append((picture.float() / 255, there))
        if not wanted:
            return


def veils_of(worn: Sequence[Worn]) -> list[Veil]:
    """The veils of a film, each once."""
    return list({id(each.veil): each.veil for each in worn}.values())


def _meant(people: list[Person], which: str | int) -> list[Person]:
    if which == "all" or not people:
        return people
    if which == "largest":
        return people[:1]
    return [people[int(which)]] if int(which) < len(people) else []


def dress(index: int, frame: Frame, worn: Sequence[Worn], amount: float = 1.0) -> int:
    """Puts on frame number `index`, in place, what is worn there; how many faces that is."""
    return sum(each.put_on(index, frame, amount) for each in worn)
