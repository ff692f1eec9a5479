"""Whose veil is whose: by the order of faces, or by photos of their people, compared on this machine alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError, NoFaceError
from ..faces.crops import region_of
from ..faces.face import Face, Sitter
from ..faces.find import find_faces
from ..plain import plain
from ..recognisers.ensemble import Ensemble
from ..recognisers.recogniser import Recogniser
from .veil import Veil

_BESIDE = 0.5
"""A face in a photo of somebody that is this large, of the largest, may be meant as well."""


@dataclass(frozen=True)
class Owned:
    """A veil, and a photo (1, 3, H, W) of whose it is by its name; without one the order of the faces decides."""

    veil: Veil
    photo: Tensor | None = None
    name: str = ""


class Whose:
    """Finds the veil of each face. Who a photo shows is held in memory for as long as this lives, and nowhere else."""

    def __init__(self, owned: Sequence[Owned], recognisers: Sequence[Recogniser], far: str = "1e-2") -> None:
        if any(len(each.veil) != 1 for each in owned):
            raise InputError("Several veils are given, and one of them is for several faces: give veils of one face.")
        alike = [each.photo is not None for each in owned]
        if any(alike) and not all(alike):
            raise InputError("Either every veil comes with a photo of whose it is, or none: name the missing photos.")
        # One that was never calibrated knows nobody.
        known = [each for each in recognisers if each.limit(far).threshold is not None]
        if any(alike) and not known:
            raise InputError(
                "Whose veil is whose cannot be told without a recogniser that has a threshold: name at least one."
            )
        self.owned, self.by_likeness = list(owned), any(alike)
        self._ensemble = Ensemble(known if self.by_likeness else [])
        self._limits = {each.name: each.threshold(far) for each in self._ensemble.recognisers}
        self._known = [self._seen([_shown(each.name, each.photo)]) for each in owned if each.photo is not None]
        self._refuse_same_person()

    def veils(self, picture: Tensor, faces: Sequence[Face]) -> list[Veil | None]:
        """Of each face in a picture (1, 3, H, W); None for one that is like nobody."""
        if self.by_likeness:
            return [self.veil_of([(picture, face)]) for face in faces]
        if len(self.owned) != len(faces):
            raise InputError(
                f"There are {len(self.owned)} veils and {len(faces)} faces: choose faces, or give each veil a photo of "
                "its person."
            )
        return [each.veil for each in self.owned]

    def veil_of(self, sitters: Sequence[Sitter]) -> Veil | None:
        """Of one face as some pictures show it. Every recogniser that knows it has to name the same person."""
        named = self._named(self._seen(sitters))
        if len(named) > 1:
            one, other = (plain(self.owned[place].name) for place in sorted(named)[:2])
            raise InputError(
                f"A face is like '{one}' to one recogniser and like '{other}' to another, so whose veil it wears is "
                "not clear: give clearer photos of them, or choose the face (--faces) and give one veil."
            )
        return self.owned[named.pop()].veil if named else None

    @torch.no_grad()
    def _seen(self, sitters: Sequence[Sitter]) -> dict[str, Tensor]:
        """The mean embedding (dim,), by recogniser."""
        each = [self._ensemble.embed(picture, face.points[None].to(picture)) for picture, face in sitters]
        return {
            name: torch.nn.functional.normalize(torch.cat([one[name] for one in each]).mean(0), dim=0)
            for name in each[0]
        }

    def _named(self, seen: dict[str, Tensor]) -> set[int]:
        """Whom the recognisers take this face for."""
        named = set()
        for name, limit in self._limits.items():
            alike = torch.stack([known[name] @ seen[name] for known in self._known])
            if alike.max() > limit:
                named.add(int(alike.argmax()))
        return named

    def _refuse_same_person(self) -> None:
        for place, one in enumerate(self._known):
            for further, other in enumerate(self._known[:place]):
                if all(float(one[name] @ other[name]) > limit for name, limit in self._limits.items()):
                    names = (plain(self.owned[which].name) for which in (further, place))
                    raise InputError(
                        "'{}' and '{}' show the same person: name one veil for each person.".format(*names)
                    )


def _shown(name: str, photo: Tensor) -> Sitter:
    """The part of a photo that its face needs."""
    try:
        first, *others = sorted(find_faces(photo), key=lambda face: -face.size)
    except NoFaceError as error:
        raise NoFaceError(f"In the photo '{plain(name)}': {error}") from error
    if others and others[0].size > _BESIDE * first.size:
        raise InputError(f"'{plain(name)}' shows several people: crop it to the one whose veil it is.")
    region = region_of([first], *photo.shape[-2:])
    return region.cut(photo), region.moved(first)
