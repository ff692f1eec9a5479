"""The identity term on embeddings whose right answer is known."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from faceveil.core.errors import InputError
from faceveil.core.recognisers.card import Card
from faceveil.core.recognisers.ensemble import Ensemble
from faceveil.core.recognisers.recogniser import Recogniser
from faceveil.core.search.identity import MEASURED_WITH, Aim, Identity

# Impostors of mean 0 and deviation .1: the threshold at 1e-2 lies 2.326 deviations up.
CARD = Card("one", 32, "arcface", thresholds={"1e-2": 0.23263, "1e-4": 0.37190})
ALONG = torch.tensor([[1.0, 0.0]])
ROWS = torch.tensor([0])


def identity(aim=None, decoys=None, references=ALONG[:, None]) -> Identity:
    recogniser = Recogniser(CARD, torch.nn.Identity())
    return Identity(Ensemble([recogniser]), torch.zeros(1, 5, 2), {"one": references}, decoys, aim)


def at(cosine: float) -> dict[str, torch.Tensor]:
    return {"one": torch.tensor([[cosine, (1 - cosine**2) ** 0.5]])}


def test_loss_counts_deviations_above_the_aim():
    score = identity(Aim(margin=3.0)).judge(at(0.5), ROWS)
    assert float(score.loss) == pytest.approx(MEASURED_WITH * ((0.5 - 0.23263) / 0.1 + 3.0), rel=1e-3)
    assert not score.won and float(score.cosines["one"]) == pytest.approx(0.5)


def test_more_surrogates_do_not_push_harder_but_the_papers_sum_does():
    names = ("one", "two", "three")
    some = [Recogniser(replace(CARD, name=name), torch.nn.Identity()) for name in names]
    references = dict.fromkeys(names, ALONG[:, None])

    def loss(form: str, count: int) -> float:
        ensemble = Ensemble(some[:count])
        one = Identity(ensemble, torch.zeros(1, 5, 2), references, None, Aim(form=form))
        return float(one.judge(dict.fromkeys(names, at(0.5)["one"]), ROWS).loss)

    assert loss("hinge", 1) == pytest.approx(loss("hinge", 3))
    assert loss("cosine", 3) == pytest.approx(3 * loss("cosine", 1))


def test_it_stops_pushing_when_it_has_won():
    won = identity(Aim(margin=3.0)).judge(at(-0.1), ROWS)
    assert float(won.loss) == 0 and bool(won.won)
    below_threshold_only = identity(Aim(margin=3.0)).judge(at(0.2), ROWS)
    assert float(below_threshold_only.loss) > 0 and not below_threshold_only.won


def test_unmatched_means_below_the_plain_threshold():
    one = identity()
    assert bool(one.unmatched(at(0.2), ROWS)) and not bool(one.unmatched(at(0.3), ROWS))


def test_every_reference_counts():
    gallery = torch.stack([ALONG[0], torch.tensor([0.0, 1.0])])[None]
    one = identity(Aim(margin=0.0), references=gallery)
    assert float(one.judge(at(0.1), ROWS).loss) > 0
    assert not bool(one.unmatched(at(0.1), ROWS))


def test_a_decoy_must_be_reached_as_well():
    decoy = {"one": torch.tensor([[0.0, 1.0]])}
    one = identity(Aim(margin=0.0, decoy_margin=1.0), decoys=decoy)
    assert bool(one.judge(at(0.0), ROWS).won)
    far_from_both = {"one": torch.tensor([[0.0, -1.0]])}
    assert float(one.judge(far_from_both, ROWS).loss) == pytest.approx(
        MEASURED_WITH * ((0.23263 + 1) / 0.1 + 1.0), rel=1e-3
    )


def test_what_resembles_the_decoy_may_resemble_itself_only_where_dodging_weighs_nothing():
    decoy = {"one": torch.tensor([[0.8, 0.6]])}
    both, decoy_only = (
        identity(Aim(margin=0.0, residual=weight), decoys=decoy).judge(at(0.8), ROWS) for weight in (1.0, 0.0)
    )
    assert float(both.loss) == pytest.approx(MEASURED_WITH * (0.8 - 0.23263) / 0.1, rel=1e-3) and not both.won
    assert float(decoy_only.loss) == 0


def test_the_papers_form_is_the_plain_cosine():
    assert float(identity(Aim(form="cosine")).judge(at(-0.4), ROWS).loss) == pytest.approx(-0.4)


def test_a_recogniser_without_gradients_may_not_protect():
    judge = Recogniser(CARD, lambda x: x, differentiable=False)
    with pytest.raises(InputError, match="it can judge, not protect"):
        Identity(Ensemble([judge]), torch.zeros(1, 5, 2), {"one": ALONG[:, None]})
