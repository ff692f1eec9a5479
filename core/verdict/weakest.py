"""The weakest point of a protection that holds: which cheap attack brings most recognisers back."""

from __future__ import annotations

from collections.abc import Sequence

from ..attacks.words import in_words
from .facts import FaceVerdict


def weakest(faces: Sequence[FaceVerdict]) -> str:
    """One sentence on the faces that nobody matches any more; empty where nothing was tried."""
    judged = [row for face in faces for row in face.deciding if row.matched_before and row.attacked]
    limits = [(row, row.threshold) for row in judged if row.threshold is not None]
    if not limits:
        return ""
    tried = dict.fromkeys(key for row in judged for key in row.attacked)
    back = {key: [row for row, limit in limits if row.attacked.get(key, -1.0) > limit] for key in tried}
    worst = max(
        tried, key=lambda key: (len(back[key]), max(row.attacked.get(key, -1) - limit for row, limit in limits))
    )
    if not back[worst]:
        return f"Nothing cheap that was tried brings anybody back ({', '.join(tried)})."
    everybody, names = {row.name for row in judged}, sorted({row.name for row in back[worst]})
    who = names[0] if len(everybody) == 1 else f"{len(names)} of {len(everybody)} recognisers ({', '.join(names)})"
    return f"Its weakest point: {in_words(worst)} brings {who} back."
