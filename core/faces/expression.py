"""Which movements of a face are an expression: what a change of shape has to leave alone.

A broader nose is another person's; a raised inner brow is another mood, and that is seen at once. Places are shares of
ArcFace's upright frame (`align.TEMPLATES`), where faces look alike enough for this.
"""

from __future__ import annotations

from dataclasses import dataclass

Place = tuple[float, float]

MOUTH_CORNER: Place = (0.371, 0.825)
LIP_TOP: Place = (0.5, 0.785)
LIP_BOTTOM: Place = (0.5, 0.865)
INNER_BROW: Place = (0.43, 0.375)
MIDDLE_BROW: Place = (0.34, 0.36)
OUTER_BROW: Place = (0.25, 0.385)
UPPER_LID: Place = (0.342, 0.437)
LOWER_LID: Place = (0.342, 0.487)
EYE: Place = (0.342, 0.4616)


def mirrored(place: Place) -> Place:
    """The same place on the face's other side."""
    return 1 - place[0], place[1]


def lower(place: Place, down: float) -> Place:
    """A place further down: brows are not at the same height in every face."""
    return place[0], place[1] + down


@dataclass(frozen=True)
class Mood:
    """A movement of places against each other that is read as a mood: `weights` sum to 0 along `axis` (0 x, 1 y)."""

    name: str
    axis: int
    weights: tuple[tuple[Place, float], ...]


# Of the face's left half as seen in the picture; its right half has the mirrored ones.
MOODS: tuple[Mood, ...] = (
    Mood("smile", 1, ((MOUTH_CORNER, 1.0), (LIP_TOP, -0.5), (LIP_BOTTOM, -0.5))),
    *(
        Mood("sad or angry brows", 1, ((lower(start, down), 1.0), (lower(end, down), -1.0)))
        for start, end in ((INNER_BROW, MIDDLE_BROW), (MIDDLE_BROW, OUTER_BROW))
        for down in (-0.025, 0.025)
    ),
    Mood("frown", 1, ((INNER_BROW, 1.0), (UPPER_LID, -0.5), (LOWER_LID, -0.5))),
    Mood("knitted brows", 0, ((INNER_BROW, 1.0), (mirrored(INNER_BROW), -1.0))),
    Mood("eyes opened or narrowed", 1, ((UPPER_LID, 1.0), (LOWER_LID, -1.0))),
)


def other_side(mood: Mood) -> Mood:
    """The same mood on the other half of the face."""
    sign = -1.0 if mood.axis == 0 else 1.0
    return Mood(mood.name, mood.axis, tuple((mirrored(place), sign * weight) for place, weight in mood.weights))
