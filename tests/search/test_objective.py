"""The terms that say how visible a change is, on changes whose size is known."""

from __future__ import annotations

import pytest
import torch

from faceveil.core.search.objective import peak_change, shading_change, structure_change

GREY = torch.full((1, 3, 100, 100), 0.5)


def changed(height: int, width: int, by: float) -> torch.Tensor:
    """A rectangle in the middle made brighter."""
    picture = GREY.clone()
    top, left = (100 - height) // 2, (100 - width) // 2
    picture[..., top : top + height, left : left + width] += by
    return picture


@pytest.mark.parametrize("term", [peak_change, shading_change, structure_change])
def test_nothing_changed_is_nothing_seen(term):
    assert float(term(GREY, GREY)) == 0


def test_the_peak_is_the_mean_of_the_most_changed_spots():
    """Brighter all over is its own peak; a spot of a hundredth fills a third of the share that is looked at."""
    assert float(peak_change(GREY + 0.1, GREY)) == pytest.approx(0.1, abs=1e-5)
    assert 0.1 / 3 < float(peak_change(changed(10, 10, 0.1), GREY)) < 0.1 / 2


def test_the_same_change_spread_out_has_a_lower_peak_and_the_same_mean():
    narrow, wide = changed(10, 10, 0.4), changed(20, 20, 0.1)
    assert float((narrow - GREY).abs().mean()) == pytest.approx(float((wide - GREY).abs().mean()), rel=1e-5)
    assert float(peak_change(narrow, GREY)) > 1.2 * float(peak_change(wide, GREY))


def test_slopes_see_edges_and_shading_sees_patches():
    edge, patch = changed(2, 40, 0.2), changed(40, 40, 0.02)
    assert float(structure_change(edge, GREY)) > float(structure_change(patch, GREY))
    assert float(shading_change(patch, GREY)) > float(shading_change(edge, GREY))


def test_colour_alone_is_no_peak_for_it_has_a_term_of_its_own():
    tint = torch.tensor([0.1, -0.05, -0.05]).view(1, 3, 1, 1)
    assert float(peak_change(GREY + tint, GREY)) == pytest.approx(0, abs=1e-6)
