"""Learners and templates on embeddings whose answers are known."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import normalize

from faceveil.core.attacks.identities import averaged_found, linked_each_other, same_person, updated_found
from faceveil.core.attacks.learning import LEARNERS, named_right, trained


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


@pytest.mark.parametrize("learner", ["head", "trained"])
def test_a_head_learns_what_no_line_parts(learner):
    """Two people, each on both sides of a circle, a quarter turn apart: a line names half of them at best."""
    angles = torch.tensor([0.0, 90, 180, 270]).repeat(6) + 10 * torch.randn(
        24, generator=torch.Generator().manual_seed(5)
    )
    faces = torch.stack([angles.deg2rad().cos(), angles.deg2rad().sin()], 1)
    names = torch.tensor([0, 1]).repeat(12)
    train, test = faces[:12], faces[12:]
    assert named_right(train, names[:12], test, names[12:], LEARNERS[learner]) == 1.0
    assert named_right(train, names[:12], test, names[12:], LEARNERS["linear"]) < 0.8


def test_a_trained_head_gives_the_same_answers_again_and_works_where_no_gradients_are_taken():
    """As embeddings come out of inference mode, close together and far from zero."""
    names = torch.arange(6).repeat_interleave(2)
    people = drawn(6, 32, 0).repeat_interleave(2, 0)
    with torch.inference_mode():
        faces = normalize(3 * drawn(1, 32, 4) + 0.3 * people + 0.02 * drawn(12, 32, 1), dim=1)
        assert (faces @ faces.T).min() > 0.95
        first, again = (trained(faces[::2], names[::2], faces[1::2]) for _ in range(2))
    assert torch.equal(first, again) and torch.equal(first, names[1::2])


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
