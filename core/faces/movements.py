"""What movements of a face are read as: moods, which a change of shape leaves alone, and proportions, which it may
change by as much as passes.

A raised inner brow is another mood, and that is seen at once; a nose a little broader is a sibling's, and one that is
broader by a third is a caricature's. Places are shares of ArcFace's upright frame (`align.TEMPLATES`), where faces
look alike enough for this.
"""

from __future__ import annotations

from dataclasses import dataclass

FacePlace = tuple[float, float]

MOUTH_CORNER: FacePlace = (0.371, 0.825)
LIP_TOP: FacePlace = (0.5, 0.785)
LIP_BOTTOM: FacePlace = (0.5, 0.865)
INNER_BROW: FacePlace = (0.43, 0.375)
MIDDLE_BROW: FacePlace = (0.34, 0.36)
OUTER_BROW: FacePlace = (0.25, 0.385)
UPPER_LID: FacePlace = (0.342, 0.437)
LOWER_LID: FacePlace = (0.342, 0.487)
EYE: FacePlace = (0.342, 0.4616)
OUTER_CORNER: FacePlace = (0.268, 0.462)
INNER_CORNER: FacePlace = (0.415, 0.466)
NOSE_ROOT: FacePlace = (0.5, 0.47)
BRIDGE: FacePlace = (0.462, 0.54)
BULB: FacePlace = (0.455, 0.64)
NOSE_WING: FacePlace = (0.412, 0.655)
NOSE_END: FacePlace = (0.5, 0.69)


def mirrored(place: FacePlace) -> FacePlace:
    """The same place on the face's other side."""
    return 1 - place[0], place[1]


def lower(place: FacePlace, down: float) -> FacePlace:
    """A place further down: brows are not at the same height in every face."""
    return place[0], place[1] + down


@dataclass(frozen=True)
class Movement:
    """A movement of places against each other: `weights` sum to 0 along `axis` (0 x, 1 y)."""

    name: str
    axis: int
    weights: tuple[tuple[FacePlace, float], ...]
    passes: float = 0.0
    """How much of it leaves a face what it was, in distances of the eyes; of a mood, nothing."""


# Of the face's left half as seen in the picture; its right half has the mirrored ones.
MOODS: tuple[Movement, ...] = (
    Movement("smile", 1, ((MOUTH_CORNER, 1.0), (LIP_TOP, -0.5), (LIP_BOTTOM, -0.5))),
    *(
        Movement("sad or angry brows", 1, ((lower(start, down), 1.0), (lower(end, down), -1.0)))
        for start, end in ((INNER_BROW, MIDDLE_BROW), (MIDDLE_BROW, OUTER_BROW))
        for down in (-0.025, 0.025)
    ),
    Movement("frown", 1, ((INNER_BROW, 1.0), (UPPER_LID, -0.5), (LOWER_LID, -0.5))),
    Movement("knitted brows", 0, ((INNER_BROW, 1.0), (mirrored(INNER_BROW), -1.0))),
    Movement("eyes opened or narrowed", 1, ((UPPER_LID, 1.0), (LOWER_LID, -1.0))),
)


def _across(name: str, left: FacePlace, passes: float) -> Movement:
    """How far a place and its mirrored one are apart."""
    return Movement(name, 0, ((mirrored(left), 1.0), (left, -1.0)), passes)


def _down(name: str, upper: FacePlace, below: FacePlace, passes: float) -> Movement:
    """How far a place is above another, on both sides of the face."""
    sides = [(place, half) for place, half in ((below, 0.5), (upper, -0.5))]
    return Movement(name, 1, tuple((at, half) for own, half in sides for at in (own, mirrored(own))), passes)


# What tells siblings apart. The narrower a part, the less of a change it takes to be another one.
PROPORTIONS: tuple[Movement, ...] = (
    _across("eyes apart", EYE, 0.03),
    Movement(
        "eyes long",
        0,
        ((INNER_CORNER, 0.5), (OUTER_CORNER, -0.5), (mirrored(INNER_CORNER), -0.5), (mirrored(OUTER_CORNER), 0.5)),
        0.02,
    ),
    _down("brows high", MIDDLE_BROW, EYE, 0.025),
    _down("nose long", NOSE_ROOT, NOSE_END, 0.03),
    _across("nose broad", NOSE_WING, 0.03),
    _across("tip of the nose broad", BULB, 0.015),
    _across("bridge of the nose broad", BRIDGE, 0.015),
    _down("nose and mouth apart", NOSE_END, LIP_TOP, 0.03),
    _across("mouth broad", MOUTH_CORNER, 0.06),
    _down("lips full", LIP_TOP, LIP_BOTTOM, 0.02),
)


def other_side(mood: Movement) -> Movement:
    """The same mood on the other half of the face."""
    sign = -1.0 if mood.axis == 0 else 1.0
    return Movement(mood.name, mood.axis, tuple((mirrored(place), sign * weight) for place, weight in mood.weights))
