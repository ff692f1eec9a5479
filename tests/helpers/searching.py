"""Rows of a search made up on paper: people on a circle, whose angles say everything."""

from __future__ import annotations

import math

import torch

from faceveil.core.bench.packing import packed

FIGURES = {
    "quality": {"psnr": 30.0, "paint": 0.3},
    "shift": None,
    "evaluations": dict.fromkeys(("denoiser", "decoder", "recogniser"), 1),
    "cpu_seconds": 1.0,
    "peak_mb": None,
}


def at(degrees):
    """A face at this angle of a circle (1, 4); two match while they are less than 60 degrees apart, at .5."""
    angle = math.radians(degrees)
    return torch.tensor([[math.cos(angle), math.sin(angle), 0.0, 0.0]])


def cosine(one, other):
    return math.cos(math.radians(one - other))


def known(shown, judge="j"):
    """The photos as they are: angle by PERSON/NAME."""
    return [
        {"known": name, "embedded": {judge: packed(at(angle), judge)}, "outside": {}} for name, angle in shown.items()
    ]


def protected(moved, judge="j", posted=None, method="m", held_out="f", threshold=0.5, role="judge"):
    """Rows of protected photos: angle by PERSON/NAME, and where JPEG leaves it when that is elsewhere."""
    rows = []
    for name, angle in moved.items():
        copies = {"plain": angle, "jpeg75": (posted or moved)[name]}
        seen = {"name": judge, "family": held_out, "role": role, "thresholds": {"1e-2": threshold}}
        seen["embedded"] = {copy: packed(at(where), judge) for copy, where in copies.items()}
        row = {"method": method, "held_out": held_out, "photo": name, "person": name.partition("/")[0], "decoy": None}
        rows.append({**row, "recognisers": [seen], "outside": [], **FIGURES})
    return rows


def outsiders(shown, moved, judge="service"):
    """The same of a judge of one's own, who tells only how alike two photos are; every two were compared once."""
    names = list(shown)
    photos = [
        {
            "known": name,
            "embedded": {},
            "outside": {judge: {other: cosine(shown[name], shown[other]) for other in names[:index]}},
        }
        for index, name in enumerate(names)
    ]
    rows = protected(moved)
    for row in rows:
        mine = row["photo"]
        alike = {other: cosine(moved[mine], angle) for other, angle in shown.items() if other != mine}
        seen = {"name": judge, "family": judge, "role": "judge", "thresholds": {"1e-2": 0.5}}
        row["recognisers"], row["outside"] = [], [seen | {"alike": {"plain": alike, "jpeg75": alike}}]
    return photos, rows
