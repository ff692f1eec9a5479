"""Judging a batch, without ComfyUI."""

from __future__ import annotations

import pytest
import torch

from faceveil.core.errors import InputError
from faceveil.core.verdict.verify import Witness
from faceveil.nodes.parts.finding import find_in_pictures
from faceveil.nodes.parts.judging import LOOKED_AT, judge_pictures, look_at, stack


def test_an_untouched_picture_scores_below_0_and_a_wrecked_one_above(dlib_recogniser, crop, empty):
    same = judge_pictures([crop, empty], [crop, empty], [Witness(dlib_recogniser)])
    assert not same.protected and same.score < 0 and "not judged" in same.text
    assert same.reports[0].faces and same.reports[1] is None
    assert same.sheets.shape[0] == 1 and same.sheets.shape[-1] == 3
    blank = crop.clone()
    blank[:, 60:180, 70:180] = 0.5
    gone = judge_pictures([crop], [blank], [Witness(dlib_recogniser)])
    assert gone.protected and gone.score > 0


def test_without_thresholds_nothing_is_claimed(dlib_recogniser, crop):
    done = judge_pictures([crop], [crop], [Witness(dlib_recogniser)], far="1e-9")
    assert not done.protected and done.score == 0 and "Nothing can be said" in done.text


def test_a_node_shows_what_it_was_asked_to_look_at_and_no_verdict_where_nobody_was_asked(dlib_recogniser, crop, empty):
    faces = find_in_pictures([crop, empty], "all")[0]
    veiled, faceless = look_at([crop, empty], [crop, empty], [Witness(dlib_recogniser)], faces)
    assert veiled.verdict["state"] == "known" and faceless.verdict["state"] == "untouched"
    (edited,) = look_at([empty], [crop], [], [])
    assert edited.verdict is None and set(edited.views) == {"before", "after"}


def test_of_many_frames_a_node_shows_the_first(empty):
    assert len(look_at([empty] * 50, [empty] * 50, [], [])) == LOOKED_AT


def test_unequal_batches_are_refused(dlib_recogniser, crop):
    with pytest.raises(InputError, match="2 originals and 1 protected"):
        judge_pictures([crop] * 2, [crop], [Witness(dlib_recogniser)])
    with pytest.raises(InputError, match="found in 2 pictures, but 1"):
        judge_pictures([crop], [crop], [Witness(dlib_recogniser)], faces=[[], []])


def test_sheets_of_different_sizes_are_padded_with_white():
    batch = stack([torch.zeros(1, 4, 6, 3), torch.zeros(1, 5, 3, 3)])
    assert batch.shape == (2, 5, 6, 3) and batch[0, 4].min() == 1 and batch[1, :, 3:].min() == 1
    assert batch[0, :4].max() == 0
