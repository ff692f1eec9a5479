"""The one line on what is cheapest to try and undoes most."""

from __future__ import annotations

import pytest
import torch

from faceveil.core.attacks.registry import Tried
from faceveil.core.faces.find import find_faces
from faceveil.core.verdict.facts import FaceVerdict, Quality, RecogniserVerdict
from faceveil.core.verdict.report import Report
from faceveil.core.verdict.verify import Witness, verify


def report_of(*attacked, matched=False, roles=None):
    rows = tuple(
        RecogniserVerdict(
            f"r{index}",
            f"f{index}",
            roles[index] if roles else "judge",
            *("1e-2", 0.5, 0.9, 0.4, 0.4, 0.4, 0.4, True, matched),
            attacked=scores,
        )
        for index, scores in enumerate(attacked)
    )
    return Report([FaceVerdict((0, 0, 9, 9), rows, Quality(30, 0.9, None, None, 0.1, 0.5, 0.0))])


def test_the_attack_that_brings_most_back_is_named_with_whom():
    report = report_of({"blur=2": 0.4, "flip": 0.7}, {"blur=2": 0.6, "flip": 0.55}, {"blur=2": 0.3, "flip": 0.1})
    assert report.weakest == "Its weakest point: mirroring brings 2 of 3 recognisers (r0, r1) back."
    assert report.weakest in report.sentence() and "no longer matched" in report.sentence()
    assert report.as_dict()["weakest"] == report.weakest


def test_what_holds_says_what_was_tried():
    report = report_of({"blur=2": 0.4, "flip": 0.2})
    assert report.weakest == "Nothing cheap that was tried brings anybody back (blur=2, flip)."
    assert report_of({"flip": 0.6}).weakest == "Its weakest point: mirroring brings r0 back."


def test_whoever_still_matches_has_no_weakest_point_and_whoever_does_not_decide_has_no_word():
    assert report_of({"flip": 0.9}, matched=True).weakest == ""
    assert report_of({}).weakest == ""
    sentence = report_of({"flip": 0.9}, {"flip": 0.1}, roles=("surrogate", "judge")).weakest
    assert sentence.startswith("Nothing cheap")


def test_lines_mark_who_comes_back():
    assert "r0, attacked (* matched): blur=2 0.400, flip 0.700*" in report_of({"blur=2": 0.4, "flip": 0.7}).text()


def test_an_attack_undoes_what_it_undoes(portrait, dlib_recogniser):
    """A picture that is upside down as far as contrast goes: gamma of 1 leaves it so, and decides nothing."""
    face = find_faces(portrait)[0]
    tried = (Tried("gamma", 1.0), Tried("flip"))
    report = verify(portrait, portrait, [Witness(dlib_recogniser)], faces=[face], attacks=tried)
    row = report.faces[0].recognisers[0]
    assert set(row.attacked) == {"gamma=1", "flip"} and row.attacked["gamma=1"] == pytest.approx(row.after, abs=0.01)
    assert report.evaluations["recogniser"] == 5 + len(tried)
    bare = verify(portrait, portrait, [Witness(dlib_recogniser)], faces=[face], attacks=())
    assert bare.faces[0].recognisers[0].attacked == {} and bare.evaluations["recogniser"] == 5
    assert torch.isfinite(torch.tensor(list(row.attacked.values()))).all()
