"""Learners and templates on embeddings whose answers are known."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import normalize

from faceveil.core.attacks.identities import averaged_found, linked_each_other, same_person, updated_found
from faceveil.core.attacks.learning import LEARNERS, named_right


def drawn(count, dim, seed):
    return normalize(torch.randn(count, dim, generator=torch.Generator().manual_seed(seed)), dim=1)


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("count", [1, 2, 5])
def test_who_can_be_told_apart_is_named_and_who_was_shuffled_is_guessed(learner, count):
    """20 people in 64 dimensions, photos of each a little apart; a mean of 1 in 20 by chance."""
    people = drawn(20, 64, 0).repeat_interleave(count, 0)
    names = torch.arange(20).repeat_interleave(count)
    train, test = (normalize(people + 0.05 * drawn(len(people), 64, seed), dim=1) for seed in (1, 2))
    assert named_right(train, names, test, names, LEARNERS[learner]) == 1.0
    shuffled = names[torch.randperm(len(names), generator=torch.Generator().manual_seed(3))]
    assert named_right(train, shuffled, test, names, LEARNERS[learner]) < 0.35
    assert named_right(train, names, test, (names + 1) % 20, LEARNERS[learner]) == 0.0


def test_photos_that_are_the_same_are_all_linked_and_opposite_ones_never():
    face = drawn(1, 8, 0)
    hits, of = linked_each_other(face.repeat(3, 1), ["a"] * 3, 0.5)
    assert hits.tolist() == of.tolist() == [2, 2, 2]
    hits, of = linked_each_other(torch.cat([face, -face]), ["a", "a"], 0.5)
    assert hits.tolist() == [0, 0] and of.tolist() == [1, 1]
    assert linked_each_other(face.repeat(2, 1), ["a", "b"], 0.5)[1].tolist() == [0, 0]


def test_noise_that_differs_from_photo_to_photo_averages_out():
    """Six protected photos, each as far from the person as from anybody: their mean is the person again."""
    person = torch.zeros(1, 64)
    person[0, 0] = 1
    apart = drawn(6, 64, 1)
    apart[:, 0] = 0
    photos = normalize(person + 1.5 * normalize(apart, dim=1), dim=1)
    clean, people = person.repeat(6, 1), ["a"] * 6
    assert ((photos @ person.T) < 0.6).all()
    hits, valid = averaged_found(photos, people, clean, same_person(people), 0.7)
    assert valid.all() and hits.all()


def test_a_template_that_takes_protected_photos_in_finds_the_next_one():
    """All moved alike, 90 degrees away: the clean mean does not know them, an updated one does."""
    clean = torch.tensor([[1.0, 0.0]] * 3)
    photos = torch.tensor([[0.0, 1.0]] * 3)
    people = ["a"] * 3
    hits, valid = updated_found(photos, people, clean, same_person(people), 0.5)
    assert valid.all() and hits.all()
    apart = torch.tensor([[0.0, 1.0], [0.0, -1.0], [-1.0, 0.0]])
    assert not updated_found(apart, people, clean, same_person(people), 0.5)[0].any()
