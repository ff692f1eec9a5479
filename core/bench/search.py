"""What a search finds: one protected photo among all others of everybody, and several photos of a person as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..attacks.identities import averaged_found, linked_each_other, means, same_person, updated_found
from .albums import Album, alike_after, copies_of
from .packing import unpacked
from .rows import Row, judged
from .shares import ByPerson


@dataclass(frozen=True)
class View:
    """One judge's view of M photos, protected by one method with one family left out, among all N."""

    people: list[str]
    """Whose the M photos are."""
    before: Tensor
    after: Tensor
    """How alike each is to every other photo, unprotected and protected: (M, N), nan where they are not compared."""
    same: Tensor
    """Which of the others show the same person (M, N)."""
    embedded: Embedded | None = None
    """None of a judge of one's own, which tells only how alike two photos are."""


@dataclass(frozen=True)
class Embedded:
    """What a view shows, as embeddings."""

    own: Tensor
    changed: Tensor
    """Of the M photos, unprotected and protected (M, dim)."""
    everybody: Tensor
    """Of all N photos (N, dim)."""


def _view(seen: Sequence[tuple[Row, Row]], album: Album, copy: str) -> View:
    mine = torch.tensor([album.place[row["photo"]] for row, _ in seen])
    before, after = album.alike[mine], torch.stack([alike_after(each, album, copy) for _, each in seen])
    itself = mine[:, None] == torch.arange(len(album.names))
    unknown = itself | before.isnan() | after.isnan()
    before, after = (alike.masked_fill(unknown, torch.nan) for alike in (before, after))
    embedded = None
    if album.embedded is not None:
        changed = torch.stack([unpacked(each["embedded"][copy]) for _, each in seen])
        embedded = Embedded(album.embedded[mine], changed, album.embedded)
    return View([row["person"] for row, _ in seen], before, after, album.others[mine] & ~unknown, embedded)


Figure = Callable[[View, float], tuple[Tensor, Tensor]]
"""By a threshold: how often it was so, and of how many, photo by photo (M,)."""


def anybody(seen: View, threshold: float) -> tuple[Tensor, Tensor]:
    """No other photo of the person matches any more, of the photos that one at least matched before."""
    known = (seen.same & (seen.before > threshold)).any(1)
    return known & ~(seen.same & (seen.after > threshold)).any(1), known


def ranked(count: int, protected: bool = True) -> Figure:
    """One of the `count` nearest photos is of the right person; says nothing where there are no more than those."""

    def figure(seen: View, threshold: float) -> tuple[Tensor, Tensor]:
        alike = seen.after if protected else seen.before
        valid = (alike.isfinite().sum(1) > count) & seen.same.any(1)
        nearest = alike.nan_to_num(-torch.inf).topk(min(count, alike.shape[1]), 1).indices
        return valid & seen.same.gather(1, nearest).any(1), valid

    return figure


def unlike_template(seen: View, threshold: float) -> tuple[Tensor, Tensor]:
    """No longer like the mean of the person's other photos, of the photos that were."""
    if seen.embedded is None:
        return _nothing(seen)
    template = means(seen.same, seen.embedded.everybody)
    known = _alike(seen.embedded.own, template) > threshold
    return known & ~(_alike(seen.embedded.changed, template) > threshold), known


def linked(photo_protected: bool, template_protected: bool) -> Figure:
    """A photo is like the mean of the person's others, of all photos that have another to be compared with."""

    def figure(seen: View, threshold: float) -> tuple[Tensor, Tensor]:
        if seen.embedded is None:
            return _nothing(seen)
        which, faces = seen.same, seen.embedded.everybody
        if template_protected:
            which, faces = same_person(seen.people), seen.embedded.changed
        valid = which.any(1)
        photo = seen.embedded.changed if photo_protected else seen.embedded.own
        return valid & (_alike(photo, means(which, faces)) > threshold), valid

    return figure


def each_other(seen: View, threshold: float) -> tuple[Tensor, Tensor]:
    """A protected photo matches another protected one of the person, of all such pairs."""
    if seen.embedded is None:
        return _nothing(seen)
    return linked_each_other(seen.embedded.changed, seen.people, threshold)


def averaged(seen: View, threshold: float) -> tuple[Tensor, Tensor]:
    """The mean of a person's protected photos is like the mean of the clean others."""
    if seen.embedded is None:
        return _nothing(seen)
    faces = seen.embedded
    return averaged_found(faces.changed, seen.people, faces.everybody, seen.same, threshold)


def updated(seen: View, threshold: float) -> tuple[Tensor, Tensor]:
    """A protected photo is like a template that took other protected ones in."""
    if seen.embedded is None:
        return _nothing(seen)
    faces = seen.embedded
    return updated_found(faces.changed, seen.people, faces.everybody, seen.same, threshold)


def _alike(photos: Tensor, templates: Tensor) -> Tensor:
    return (photos * templates).sum(1)


def _nothing(seen: View) -> tuple[Tensor, Tensor]:
    none = torch.zeros(len(seen.people), dtype=torch.bool)
    return none, none


def shares(
    rows: Sequence[Row], judge: str, album: Album, figures: Mapping[str, Figure], copy: str, far: str
) -> dict[str, ByPerson]:
    """One judge's figures over one method's rows; templates are made of photos that were protected in the same way."""
    counts = {name: {row["person"]: (0, 0) for row in rows} for name in figures}
    for held_out in dict.fromkeys(row["held_out"] for row in rows):
        seen = [
            (row, each)
            for row, each in judged([row for row in rows if row["held_out"] == held_out])
            if each["name"] == judge and far in each["thresholds"]
            if copy in copies_of(each) and row["photo"] in album.place
        ]
        if not seen:
            continue
        view = _view(seen, album, copy)
        for name, figure in figures.items():
            hits, of = figure(view, seen[0][1]["thresholds"][far])
            for person, *more in zip(view.people, hits.tolist(), of.tolist(), strict=True):
                counts[name][person] = tuple(old + new for old, new in zip(counts[name][person], more, strict=True))
    return {name: ByPerson((counted,)) for name, counted in counts.items()}
