"""What recognisers are asked about a protected photo: how alike two photos are, or for a search who it shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..errors import InputError, NoFaceError
from ..faces.crops import region_of
from ..faces.face import Face
from ..images import read_photo, to_bchw
from ..recognisers.ensemble import Ensemble
from ..recognisers.recogniser import Recogniser
from ..verdict.verify import Seen, embed_copies, embed_largest
from .outside import OutsideJudge
from .packing import packed
from .rows import Row

Copies = Mapping[str, Callable[[Tensor], Tensor]]


def _seen(
    ensemble: Ensemble[Recogniser], before: Tensor, after: Tensor, face: Face, copies: Copies
) -> tuple[Seen, dict[str, Seen]]:
    """A face's embeddings before, and after in every copy, where it is found afresh."""
    region = region_of([face], *before.shape[-2:])
    (seen,) = embed_copies(ensemble, region.cut(before), region.cut(after), [region.moved(face)], copies)
    return seen.before, seen.after


def _who(recogniser: Recogniser, surrogates: Sequence[Recogniser]) -> Row:
    return {
        "name": recogniser.name,
        "family": recogniser.family,
        "role": "surrogate" if recogniser in surrogates else "judge",
        "thresholds": recogniser.card.thresholds,
    }


@torch.inference_mode()
def similarities(
    witnesses: Sequence[Recogniser],
    surrogates: Sequence[Recogniser],
    before: Tensor,
    after: Tensor,
    face: Face,
    gallery: Tensor,
    decoy: Tensor | None,
    copies: Copies,
) -> list[Row]:
    """By recogniser: similarity to the gallery photo (and the decoy's other photo) before, and after in every copy."""
    ensemble = Ensemble(witnesses)
    own, seen = _seen(ensemble, before, after, face, copies)
    targets = {"": embed_largest(ensemble, gallery)}
    if decoy is not None:
        targets["decoy_"] = embed_largest(ensemble, decoy)
    rows = []
    for recogniser in witnesses:
        row = _who(recogniser, surrogates)
        for prefix, target in targets.items():
            known = target[recogniser.name][0]
            row[f"{prefix}before"] = float(own[recogniser.name][0] @ known)
            row[f"{prefix}after"] = {copy: float(found[recogniser.name][0] @ known) for copy, found in seen.items()}
        rows.append(row)
    return rows


@torch.inference_mode()
def embeddings(
    witnesses: Sequence[Recogniser],
    surrogates: Sequence[Recogniser],
    before: Tensor,
    after: Tensor,
    face: Face,
    copies: Copies,
) -> list[Row]:
    """By recogniser: the protected face's embedding in every copy. With whom they are compared, tables decide."""
    _, seen = _seen(Ensemble(witnesses), before, after, face, copies)
    return [
        _who(recogniser, surrogates)
        | {"embedded": {copy: packed(found[recogniser.name][0], recogniser.name) for copy, found in seen.items()}}
        for recogniser in witnesses
    ]


def outsiders(
    judges: Sequence[OutsideJudge], name: str, after: Tensor, photos: Mapping[str, Path], copies: Copies
) -> list[Row]:
    """By outside judge: how alike a protected photo, plain and in some copies, is to every other photo."""
    others = {other: path for other, path in photos.items() if other != name}
    return [judge.searched(after, others, copies) for judge in judges]


def introduced(
    photos: Mapping[str, Path],
    known: Sequence[str],
    recognisers: Sequence[Recogniser],
    judges: Sequence[OutsideJudge],
    device: str,
) -> Iterator[Row]:
    """What a search's photos look like unprotected, a row each for those not yet `known`, which come first.

    Every photo must show a face; all that do not are named in one sentence.
    """
    ensemble, before, faceless = Ensemble(recognisers), [name for name in known if name in photos], []
    for name in (name for name in photos if name not in known):
        picture = to_bchw(read_photo(photos[name]).pixels).to(device)
        try:
            with torch.inference_mode():
                seen = embed_largest(ensemble, picture)
        except NoFaceError:
            faceless.append(f"{name} ({photos[name].name})")
            continue
        earlier = {other: photos[other] for other in before}
        yield {
            "known": name,
            "embedded": {who: packed(embedding, who) for who, (embedding,) in seen.items()},
            "outside": {judge.name: judge.alike(picture, earlier) for judge in judges},
        }
        before.append(name)
    if faceless:
        raise InputError(f"No face was found in {', '.join(faceless)}: take such photos out of the search.")
