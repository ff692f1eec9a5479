"""Curves of attacks as pictures of lines, drawn by ourselves: share no longer matched over an attack's strength."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import isnan

from .attack_tables import attacks_in, share_of
from .rows import ATTACK, Row
from .tables import by

WIDTH, HEIGHT, _LEFT, _TOP, _BELOW = 330, 190, 34, 26, 24
COLOURS = ("#3b82c4", "#d0653c", "#3f9d63", "#a066c0", "#c49a2a", "#7a808a", "#c24a6e")
"""Seen on white and on black."""


def curves(rows: Sequence[Row], far: str) -> list[str]:
    """An SVG for each attack that has strengths; what is done or not stands in the tables."""
    found: dict[str, list[tuple[float, str]]] = {}
    for copy in attacks_in(rows):
        name, _, strength = copy.removeprefix(ATTACK).rpartition("=")
        if name:
            found.setdefault(name, []).append((float(strength), copy))
    methods, drawn = by([row for row in rows if row["decoy"] is None], "method"), []
    for name, steps in found.items():
        steps = sorted(steps, reverse=name in ("jpeg", "webp", "avif", "scale", "crop"))
        copies = ["plain", *(copy for _, copy in steps)]
        lines = {method: [share_of(mine, copy, far).share for copy in copies] for method, mine in methods.items()}
        drawn.append(_chart(name, ["plain", *(f"{strength:g}" for strength, _ in steps)], lines))
    return drawn


def legend(methods: Sequence[str]) -> str:
    marks = (
        f'<span><i style="background:{COLOURS[index % len(COLOURS)]}"></i>{escape(method)}</span>'
        for index, method in enumerate(methods)
    )
    return f'<p class="legend">{"".join(marks)}</p>'


def _chart(title: str, labels: Sequence[str], lines: Mapping[str, Sequence[float]]) -> str:
    wide, tall = WIDTH - _LEFT - 12, HEIGHT - _TOP - _BELOW
    xs = [_LEFT + wide * index / max(len(labels) - 1, 1) for index in range(len(labels))]

    def level(share: float) -> float:
        return _TOP + tall * (1 - share)

    parts = [f'<text x="{_LEFT}" y="15" class="title">{escape(title)}</text>']
    for tick in (0, 0.5, 1):
        y = level(tick)
        parts.append(f'<line x1="{_LEFT}" x2="{_LEFT + wide}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for x, label in zip(xs, labels, strict=True):
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 6}" text-anchor="middle">{escape(label)}</text>')
    for index, (method, shares) in enumerate(lines.items()):
        colour = COLOURS[index % len(COLOURS)]
        places = [(x, level(share)) for x, share in zip(xs, shares, strict=True) if not isnan(share)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        hint = escape(method)
        parts += [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"><title>{hint}</title></circle>' for x, y in places
        ]
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{"".join(parts)}</svg>'
