"""Do copies of one person give each other away?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor

from ..errors import NoFaceError
from ..faces.find import find_faces
from ..recognisers.ensemble import Ensemble
from ..recognisers.recogniser import Recogniser
from .verify import DEFAULT_FAR, Seen, Witness, embed_faces


@torch.inference_mode()
def linked(
    picture: Tensor,
    copies: Sequence[Tensor],
    witnesses: Sequence[Witness],
    far: str = DEFAULT_FAR,
    detector: str = "auto",
) -> list[list[str]]:
    """By copy (1, 3, H, W), who matches a face of it with a face of the picture. Services are not asked."""
    networks = [each.recogniser for each in witnesses if isinstance(each.recogniser, Recogniser)]
    ensemble = Ensemble(networks)
    own, *others = (_seen(ensemble, each, detector) for each in (picture, *copies))

    def matched(judge: Recogniser, theirs: Seen) -> bool:
        limit, pairs = judge.limit(far).threshold, product(own.get(judge.name, ()), theirs.get(judge.name, ()))
        return limit is not None and any(judge.alike(one, other) > limit for one, other in pairs)

    return [[judge.name for judge in networks if matched(judge, theirs)] for theirs in others]


def _seen(ensemble: Ensemble[Recogniser], picture: Tensor, detector: str) -> Seen:
    """Everybody in a picture; nobody where no detector finds a face, which nobody can match then."""
    try:
        return embed_faces(ensemble, picture, find_faces(picture, detector=detector, look_turned=False), detector)
    except NoFaceError:
        return {}


def in_words(found: Sequence[Sequence[str]]) -> str:
    """What came of keeping a picture apart from so many copies, in one sentence."""
    count, still = len(found), [names for names in found if names]
    copies = "the copy made before" if count == 1 else f"{count} copies made before"
    if not still:
        return f"Kept apart from {copies}: nobody asked matches them with this one."
    names = ", ".join(dict.fromkeys(name for each in still for name in each))
    which = "it matches" if count == 1 else "1 of them matches" if len(still) == 1 else f"{len(still)} of them match"
    return f"Kept apart from {copies}, and yet {which} this one ({names})."
