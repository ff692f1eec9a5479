"""How a picture is looked at in a search: the draws, and what each of them changes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from faceveil.core.faces.align import TEMPLATES, similarity, spread_by, template_points
from faceveil.core.search.viewing import PLAIN, VARIED, Viewing

IMAGE = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
POINTS = torch.tensor(TEMPLATES["arcface"])[None] * 40 + 12


def looks(viewing: Viewing, count: int, seed: int = 0) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    return [viewing(IMAGE, POINTS, generator) for _ in range(count)]


def span(points: torch.Tensor) -> float:
    return float((points - points.mean(1, keepdim=True)).norm() / (POINTS - POINTS.mean(1, keepdim=True)).norm())


def test_a_plain_look_is_the_picture_and_its_points():
    seen, points = looks(PLAIN, 1)[0]
    assert seen is IMAGE and points is POINTS


def test_the_generator_alone_decides():
    viewing = replace(VARIED, spans=(0.8, 1.05))
    pairs = zip(looks(viewing, 6), looks(viewing, 6), strict=True)
    for (image, points), (same_image, same_points) in pairs:
        assert torch.equal(image, same_image) and torch.equal(points, same_points)
    assert not torch.equal(looks(viewing, 1, seed=1)[0][1], looks(viewing, 1)[0][1])


def test_spans_are_drawn_from_all_of_their_range_and_leave_the_middle():
    drawn = [points for _, points in looks(Viewing(spans=(0.8, 1.05)), 200)]
    factors = [span(points) for points in drawn]
    assert 0.8 <= min(factors) < 0.82 and 1.03 < max(factors) <= 1.05
    assert all(torch.allclose(points.mean(1), POINTS.mean(1), atol=1e-4) for points in drawn)


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_points_closer_together_lay_the_face_larger_in_the_crop(factor):
    target = template_points("arcface", 112, POINTS)
    plain, moved = (similarity(points, target)[0, :, 0].norm() for points in (POINTS, spread_by(POINTS, factor)))
    assert float(moved / plain) == pytest.approx(1 / factor, rel=1e-4)


def test_jitter_moves_points_by_a_share_of_the_eyes_distance():
    moved = torch.cat([points for _, points in looks(Viewing(jitter=0.02), 300)]) - POINTS
    eyes = float((POINTS[0, 1] - POINTS[0, 0]).norm())
    assert float(moved.std()) == pytest.approx(0.02 * eyes, rel=0.1)


def test_a_covered_look_hides_its_share_behind_the_mean_and_the_generator_alone_decides_where():
    viewing = Viewing(covered=0.3)
    seen = torch.cat([picture for picture, _ in looks(viewing, 100)])
    mean = IMAGE.mean((2, 3), keepdim=True)
    left = ((seen - mean) / (IMAGE - mean)).median(1).values
    assert float(left.mean()) == pytest.approx(0.7, abs=0.03) and left.min() > -1e-3 and left.max() < 1 + 1e-3
    assert torch.equal(looks(viewing, 1)[0][0], seen[:1]) and not torch.equal(seen[0], seen[1])
